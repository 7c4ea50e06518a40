-- sqlfluff:templater:placeholder:first_day:'2026-01-01'

-- name: order_digests
-- For each day of its orders and their items: how many there are, and a sum over all their values.
with rows_of_days as (
    select
        orders.placed_on,
        hashtextextended(orders::text, 0) as digest
    from shop.orders
    where orders.placed_on >= :first_day
    union all
    select
        order_items.placed_on,
        hashtextextended(order_items::text, 1) as digest
    from shop.order_items
    where order_items.placed_on >= :first_day
)

select
    rows_of_days.placed_on::text as placed_on,
    count(*) || ' rows, ' || sum(rows_of_days.digest) as digest
from rows_of_days
group by rows_of_days.placed_on;

-- name: month_constraints
-- What is in force on the orders and items of each month, constraints and indexes.
with definitions as (
    select
        pg_constraint.conrelid as relation,
        pg_get_constraintdef(pg_constraint.oid) as definition
    from pg_constraint
    where pg_constraint.convalidated and pg_constraint.contype <> 'n'
    union all
    select
        pg_index.indrelid as relation,
        regexp_replace(pg_get_indexdef(pg_index.indexrelid), '^.* USING', '') as definition
    from pg_index
    where pg_index.indisvalid
)

select
    definitions.relation::regclass::text as relation,
    string_agg(definitions.definition, '; ' order by definitions.definition) as in_force
from definitions
inner join pg_inherits on definitions.relation = pg_inherits.inhrelid
inner join pg_class on pg_inherits.inhrelid = pg_class.oid
where
    pg_inherits.inhparent in ('shop.orders'::regclass, 'shop.order_items'::regclass)
    and right(pg_class.relname, 7) >= to_char(:first_day::date, 'YYYY_MM')
group by definitions.relation;

-- name: month_tables
-- Tables of months from a day on, items first.
select pg_class.relname::text as relname
from pg_inherits
inner join pg_class on pg_inherits.inhrelid = pg_class.oid
where
    pg_inherits.inhparent in ('shop.orders'::regclass, 'shop.order_items'::regclass)
    and right(pg_class.relname, 7) >= to_char(:first_day::date, 'YYYY_MM')
order by pg_class.relname;

-- name: ensure_month!
-- Makes a month's empty partitions.
select shop.ensure_month(:month);

-- name: claim_cart^
-- One cart's checkout, with the id of its order.
insert into shop.checkouts (
    cart_id, customer_id, outcome, order_id, cart_created_at, submitted_at
)
values (
    :cart_id,
    :customer_id,
    'ordered',
    nextval('shop.checkout_order_ids'),
    :submitted_at,
    :submitted_at
)
on conflict (cart_id) do nothing
returning order_id;

-- name: lock_product^
-- One product, locked until the order is written.
select
    products.price,
    products.stock
from shop.products
where products.product_id = :product_id
for no key update;

-- name: take_units!
-- Units of one line out of the stock.
update shop.products
set
    stock = stock - :quantity,
    stock_version = stock_version + 1
where product_id = :product_id;

-- name: insert_order!
-- One order.
insert into shop.orders (
    order_id, placed_on, customer_id, cart_id, channel, total_amount, placed_at
)
values (
    :order_id,
    shop.day_of(:submitted_at::timestamptz),
    :customer_id,
    :cart_id,
    'checkout',
    :total_amount,
    :submitted_at
);

-- name: insert_item!
-- One line of an order.
insert into shop.order_items (
    order_id, placed_on, line_number, product_id, quantity, unit_price, amount
)
values (
    :order_id,
    shop.day_of(:submitted_at::timestamptz),
    :line_number,
    :product_id,
    :quantity,
    :unit_price,
    :quantity::integer * :unit_price::numeric
);

-- name: forget_checkouts#
-- No checkouts and no orders; every product has what was received; order ids start anew.
truncate shop.checkouts, shop.orders, shop.order_items;
update shop.products
set
    stock = stock_receipts.quantity,
    stock_version = products.stock_version + 1
from shop.stock_receipts
where products.product_id = stock_receipts.product_id;
select setval('shop.checkout_order_ids', 1000000000000000, false);

-- name: checkout_digest^
-- What was decided, whatever the ids of the orders: how many orders and lines, and sums over all.
with lines as (
    select
        order_items.order_id,
        count(*) as line_count,
        string_agg(
            concat_ws(
                ' ',
                order_items.line_number,
                order_items.product_id,
                order_items.quantity,
                order_items.unit_price
            ),
            ', ' order by order_items.line_number
        ) as line_values
    from shop.order_items
    group by order_items.order_id
),

placed as (
    select
        lines.line_count,
        hashtextextended(
            concat_ws(
                '|',
                orders.cart_id,
                orders.customer_id,
                orders.channel,
                orders.total_amount,
                orders.placed_at,
                checkouts.outcome,
                checkouts.submitted_at,
                lines.line_values
            ),
            0
        ) as digest
    from shop.orders
    inner join shop.checkouts on orders.cart_id = checkouts.cart_id
    inner join lines on orders.order_id = lines.order_id
),

stocks as (
    select sum(hashtextextended(concat_ws(' ', products.product_id, products.stock), 0)) as digest
    from shop.products
)

select
    count(*)
    || ' orders, '
    || sum(placed.line_count)
    || ' items, '
    || sum(placed.digest)
    || ', stock '
    || max(stocks.digest) as digest
from placed
cross join stocks;

-- name: ranking_from_days
-- Best sellers of 30 days, ranked out of the day-grained table.
with sold as (
    select
        product_daily_sales.product_id,
        sum(product_daily_sales.units - product_daily_sales.units_returned) as units,
        sum(product_daily_sales.net_sales) as net_sales
    from analytics.product_daily_sales
    where product_daily_sales.day > (select max(daily_sales.day) from analytics.daily_sales) - 30
    group by product_daily_sales.product_id
    order by
        units desc,
        net_sales desc,
        product_daily_sales.product_id asc
    limit 100
)

select
    row_number() over (order by sold.units desc, sold.net_sales desc, sold.product_id asc) as rank,
    sold.product_id,
    products.name,
    sold.units::bigint as units,
    sold.net_sales
from sold
inner join shop.products on sold.product_id = products.product_id
order by rank;

-- name: ranking_from_items
-- The same out of the order items themselves.
with sold as (
    select
        order_items.product_id,
        sum(order_items.quantity) as units,
        sum(order_items.amount - order_items.discount_amount) as net_sales
    from shop.order_items
    where order_items.placed_on > (select max(daily_sales.day) from analytics.daily_sales) - 30
    group by order_items.product_id
    order by
        units desc,
        net_sales desc,
        order_items.product_id asc
    limit 100
)

select
    row_number() over (order by sold.units desc, sold.net_sales desc, sold.product_id asc) as rank,
    sold.product_id,
    products.name,
    sold.units,
    sold.net_sales
from sold
inner join shop.products on sold.product_id = products.product_id
order by rank;

-- name: stock^
-- One product's stock.
select products.stock
from shop.products
where products.product_id = :product_id;

-- name: active_sessions
-- What the server's other sessions are doing at this moment.
select
    pg_stat_activity.query,
    coalesce(pg_stat_activity.wait_event_type || ': ' || pg_stat_activity.wait_event, '') as waits_for
from pg_stat_activity
where
    pg_stat_activity.pid <> pg_backend_pid()
    and pg_stat_activity.backend_type in ('client backend', 'parallel worker')
    and pg_stat_activity.state = 'active';
