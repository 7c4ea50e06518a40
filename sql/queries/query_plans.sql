-- name: examples^
-- Values to ask for, taken from the newest day; null in an empty shop.
with newest as (
    select max(daily_sales.day) as day
    from analytics.daily_sales
    where daily_sales.orders > 0
)

select
    newest.day,
    placed.order_id,
    placed.customer_id,
    sold.product_id,
    coalesce(described.attributes, '{}') as attributes,
    coalesce(decided.cart_ids, '{}') as cart_ids,
    (select sum(daily_sales.orders) from analytics.daily_sales)::bigint as orders
from newest
left join lateral (
    select
        orders.order_id,
        orders.customer_id
    from shop.orders
    where orders.placed_on = newest.day
    order by orders.order_id
    limit 1
) as placed on true
left join lateral (
    select top_sellers.product_id
    from analytics.top_sellers
    where top_sellers.window_name = 'all' and top_sellers.rank = 1
) as sold on true
left join lateral (
    -- The first attribute of a product in the middle: neither the rarest nor the commonest.
    select jsonb_build_object(attributes.name, attributes.content)::text as attributes
    from shop.products
    cross join lateral jsonb_each(products.attributes) as attributes (name, content)
    order by
        products.product_id = sold.product_id desc,
        attributes.name asc
    limit 1
) as described on true
left join lateral (
    select array_agg(checkouts.cart_id order by checkouts.cart_id) as cart_ids
    from (
        select checkouts.cart_id
        from shop.checkouts
        order by checkouts.cart_id
        limit 100
    ) as checkouts
) as decided on true;

-- name: order_by_id
-- One order; its day is not known, so every month is asked.
select
    orders.order_id,
    orders.placed_on,
    orders.customer_id,
    orders.total_amount
from shop.orders
where orders.order_id = :order_id;

-- name: orders_of_customer
-- What a customer ordered, the newest first.
select
    orders.order_id,
    orders.placed_at,
    orders.total_amount
from shop.orders
where orders.customer_id = :customer_id
order by orders.placed_at desc;

-- name: items_of_order
-- The items of an order whose day is known.
select
    order_items.line_number,
    order_items.product_id,
    order_items.quantity,
    order_items.unit_price
from shop.order_items
where
    order_items.placed_on = :day
    and order_items.order_id = :order_id
order by order_items.line_number;

-- name: index_parts
-- The names of an index as plans tell them: its own, and those of its partitions.
with parts as (
    select to_regclass(:index_name) as relation
    union
    select tree.relid as relation
    from pg_partition_tree(to_regclass(:index_name)) as tree
)

select pg_class.relname::text as relname
from parts
inner join pg_class on parts.relation = pg_class.oid;

-- name: may_hide_indexes$
-- Whether the catalog of indexes may be written to.
select pg_roles.rolsuper
from pg_roles
where pg_roles.rolname = current_user;

-- name: hide_index!
-- Keeps the planner of this transaction from an index; takes no lock that anybody waits for, and
-- nobody else sees it. Must be rolled back.
update pg_index
set indisvalid = false
where
    pg_index.indexrelid = to_regclass(:index_name)
    or pg_index.indexrelid in (
        select tree.relid
        from pg_partition_tree(to_regclass(:index_name)) as tree
    );

-- name: switch_off_indexes!
-- Keeps the planner of this transaction from all indexes.
select
    set_config('enable_indexscan', 'off', true) as indexscan,
    set_config('enable_indexonlyscan', 'off', true) as indexonlyscan,
    set_config('enable_bitmapscan', 'off', true) as bitmapscan;

-- name: limit_time!
-- Cancels each further statement of this transaction that takes longer.
select set_config('statement_timeout', :milliseconds::text, true);

-- name: record_plan!
-- Notes a plan of the capture that this transaction makes.
insert into ops.query_plans (
    captured_at,
    name,
    index_name,
    orders,
    rows_returned,
    with_ms,
    without_ms,
    with_buffers,
    without_buffers,
    used,
    node,
    method,
    verdict,
    plan
)
values (
    now(),
    :name,
    :index_name,
    :orders,
    :rows_returned,
    :with_ms,
    :without_ms,
    :with_buffers,
    :without_buffers,
    :used,
    :node,
    :method,
    :verdict,
    :plan
);

-- name: lost_indexes
-- Queries whose newest plan does without the index that an earlier one used, when the shop was no
-- larger than now.
with newest as (
    select max(query_plans.captured_at) as captured_at
    from ops.query_plans
)

select
    present.name,
    present.index_name,
    max(earlier.captured_at) as last_used_at
from newest
inner join ops.query_plans as present on newest.captured_at = present.captured_at
inner join ops.query_plans as earlier
    on
        present.name = earlier.name
        and present.index_name = earlier.index_name
where
    not present.used
    and earlier.used
    and earlier.orders <= present.orders
group by
    present.name,
    present.index_name
order by present.name;
