-- name: stock_is_receipts_minus_checkouts
-- The stock of every product equals its receipts, minus the units of its checkout orders, plus their
-- restocked units, and is not below zero.
with movements as (
    select
        stock_receipts.product_id,
        stock_receipts.quantity
    from shop.stock_receipts
    union all
    select
        order_items.product_id,
        -order_items.quantity as quantity
    from shop.order_items
    where shop.is_checkout(order_items.order_id)
    union all
    select
        returns.product_id,
        returns.quantity
    from shop.returns
    where
        returns.restocked
        and shop.is_checkout(returns.order_id)
),

stocks as (
    select
        movements.product_id,
        sum(movements.quantity) as quantity
    from movements
    group by movements.product_id
)

select
    products.product_id,
    products.stock,
    coalesce(stocks.quantity, 0) as expected
from shop.products
left join stocks on products.product_id = stocks.product_id
where
    products.stock <> coalesce(stocks.quantity, 0)
    or products.stock < 0;

-- name: totals_are_sums_of_items
-- Every order has items, and its total is the sum of their amounts, less discounts, plus shipping and tax.
with order_totals as (
    select
        orders.order_id,
        orders.placed_on,
        orders.total_amount,
        orders.total_amount - orders.shipping_amount - orders.tax_amount as goods_amount
    from shop.orders
    where orders.placed_on between :first_day and :last_day
),

item_totals as (
    select
        order_items.order_id,
        order_items.placed_on,
        sum(order_items.amount - order_items.discount_amount) as goods_amount
    from shop.order_items
    where order_items.placed_on between :first_day and :last_day
    group by
        order_items.placed_on,
        order_items.order_id
)

select
    coalesce(order_totals.order_id, item_totals.order_id) as order_id,
    coalesce(order_totals.placed_on, item_totals.placed_on) as placed_on,
    order_totals.total_amount,
    order_totals.total_amount + item_totals.goods_amount - order_totals.goods_amount as expected
from order_totals
/* Full, which is never a nested loop: Postgres expects one row of a day that is new to it. */
full outer join item_totals
    on
        order_totals.order_id = item_totals.order_id
        and order_totals.placed_on = item_totals.placed_on
where item_totals.goods_amount is distinct from order_totals.goods_amount;

-- name: items_belong_to_orders
-- Every item's order exists.
select
    order_items.order_id,
    order_items.placed_on,
    order_items.line_number
from shop.order_items
left join shop.orders
    on
        order_items.order_id = orders.order_id
        and order_items.placed_on = orders.placed_on
where
    order_items.placed_on between :first_day and :last_day
    and orders.order_id is null;

-- name: order_ids_stand_once
-- No order id occurs on two days.
select
    orders.order_id,
    count(*) as orders
from shop.orders
where
    /* Of all days each order need not be looked for. */
    :first_day = date '0001-01-01'
    or orders.order_id in (
        select of_these_days.order_id
        from shop.orders as of_these_days
        where of_these_days.placed_on between :first_day and :last_day
    )
group by orders.order_id
having count(*) > 1;

-- name: returns_belong_to_orders
-- The order of every return that the application booked exists. The order of an imported return may
-- have been placed on a day that is not loaded.
select
    returns.return_id,
    returns.line_number,
    returns.order_id
from shop.returns
where
    returns.returned_on between :first_day and :last_day
    and returns.origin = 'application'
    and not exists (
        select 1
        from shop.orders
        where orders.order_id = returns.order_id
    );

-- name: nothing_returned_beyond_what_was_bought
-- All returns of an order together give back no more than was bought: no more units or money of a line
-- or a product, and no more money of the order.
with bought as (
    /* Of an order that is not loaded nobody can say what was bought. */
    select
        orders.order_id,
        orders.placed_on,
        orders.shipping_amount + orders.tax_amount as charges
    from shop.orders
    where
        orders.order_id in (
            select of_these_days.order_id
            from shop.returns as of_these_days
            where of_these_days.returned_on between :first_day and :last_day
        )
),

returned as (
    select
        returns.order_id,
        returns.order_line_number,
        returns.product_id,
        returns.quantity,
        returns.amount,
        returns.tax_amount
    from shop.returns
    inner join bought on returns.order_id = bought.order_id
),

movements as (
    select
        order_items.order_id,
        order_items.product_id,
        order_items.line_number,
        order_items.quantity as units,
        order_items.amount - order_items.discount_amount as amount
    from shop.order_items
    inner join bought
        on order_items.placed_on = bought.placed_on and order_items.order_id = bought.order_id
    union all
    select
        bought.order_id,
        null as product_id,
        null as line_number,
        0 as units,
        bought.charges as amount
    from bought
    union all
    select
        returned.order_id,
        returned.product_id,
        returned.order_line_number as line_number,
        -returned.quantity as units,
        -returned.amount as amount
    from returned
    union all
    select
        returned.order_id,
        null as product_id,
        null as line_number,
        0 as units,
        -returned.tax_amount as amount
    from returned
)

select
    movements.order_id,
    movements.product_id,
    movements.line_number,
    -sum(movements.units) as units_beyond,
    -sum(movements.amount) as amount_beyond
from movements
group by
    grouping sets (
        (movements.order_id, movements.product_id, movements.line_number),
        (movements.order_id, movements.product_id),
        (movements.order_id)
    )
having
    (sum(movements.units) < 0 or sum(movements.amount) < 0)
    /* What names no line is of any line of its product, and what names no product of the whole. */
    and (grouping(movements.line_number) = 1 or movements.line_number is not null)
    and (grouping(movements.product_id) = 1 or movements.product_id is not null);

-- name: carts_have_one_order
-- No cart has two orders.
select
    orders.cart_id,
    count(*) as orders
from shop.orders
where orders.cart_id is not null
group by orders.cart_id
having count(*) > 1;

-- name: ordered_means_an_order_exists
-- The outcome of a checkout is ordered exactly when its order exists.
with decided as (
    select
        checkouts.cart_id,
        checkouts.outcome,
        checkouts.order_id
    from shop.checkouts
    where
        /* Without a time of submission it lies on no day, and counts when all are asked for. */
        coalesce(shop.day_of(checkouts.submitted_at), date '0001-01-01')
        between :first_day and :last_day
),

placed as (
    select
        orders.cart_id,
        orders.order_id
    from shop.orders
    where
        orders.channel = 'checkout'
        and orders.placed_on between :first_day and :last_day
)

select
    coalesce(decided.cart_id, placed.cart_id) as cart_id,
    decided.outcome,
    decided.order_id,
    placed.order_id as found
from decided
full outer join placed
    on decided.order_id = placed.order_id and decided.cart_id = placed.cart_id
where
    (decided.outcome = 'ordered') is distinct from (placed.order_id is not null);

-- name: effects_are_applied
-- No decided cart has waited for more than a minute to be cleared, and no changed stock to be cached.
select
    checkouts.cart_id,
    null::bigint as product_id,
    checkouts.decided_at as waits_since
from shop.checkouts
where
    checkouts.effects_applied_at is null
    and checkouts.decided_at < clock_timestamp() - interval '1 minute'
union all
select
    null::text as cart_id,
    moved_stock.product_id,
    moved_stock.moved_at as waits_since
from shop.moved_stock
where moved_stock.moved_at < clock_timestamp() - interval '1 minute';

-- name: sales_add_up
-- Every calendar day from the shop's first to its newest has a row in daily_sales, and each kind of
-- money is the same in daily_sales, in product_daily_sales and in the orders and returns. Stale days
-- are excepted.
with calendar as (
    select days.day::date as day
    from shop.day_range
    cross join
        lateral generate_series(
            greatest(day_range.first_day, :first_day::date),
            least(day_range.newest_day, :last_day::date),
            interval '1 day'
        ) as days (day)
    where day_range.first_day is not null
),

order_days as (
    select
        orders.placed_on as day,
        sum(orders.shipping_amount) as shipping,
        sum(orders.tax_amount) as taxes,
        sum(orders.total_amount) as total_sales
    from shop.orders
    where orders.placed_on between :first_day and :last_day
    group by orders.placed_on
),

item_days as (
    select
        order_items.placed_on as day,
        sum(order_items.amount) as gross_sales,
        sum(order_items.discount_amount) as discounts
    from shop.order_items
    where order_items.placed_on between :first_day and :last_day
    group by order_items.placed_on
),

return_days as (
    select
        returns.returned_on as day,
        sum(returns.amount) filter (where returns.product_id is not null) as returns,
        sum(returns.amount) filter (where returns.product_id is null) as shipping,
        sum(returns.tax_amount) as taxes,
        sum(returns.amount + returns.tax_amount) as total_sales
    from shop.returns
    where returns.returned_on between :first_day and :last_day
    group by returns.returned_on
),

product_days as (
    select
        product_daily_sales.day,
        sum(product_daily_sales.gross_sales) as gross_sales,
        sum(product_daily_sales.discounts) as discounts,
        sum(product_daily_sales.returns) as returns,
        sum(product_daily_sales.net_sales) as net_sales
    from analytics.product_daily_sales
    where product_daily_sales.day between :first_day and :last_day
    group by product_daily_sales.day
),

kept_days as (
    select
        daily_sales.day,
        daily_sales.gross_sales,
        daily_sales.discounts,
        daily_sales.returns,
        daily_sales.net_sales,
        daily_sales.shipping,
        daily_sales.taxes,
        daily_sales.total_sales
    from analytics.daily_sales
    where daily_sales.day between :first_day and :last_day
),

all_days as (
    select calendar.day
    from calendar
    union
    select kept_days.day
    from kept_days
    union
    select product_days.day
    from product_days
),

noted_days as (
    select
        day_changes.day,
        sum(day_changes.changes) as changes
    from ops.day_changes
    where day_changes.day between :first_day and :last_day
    group by day_changes.day
),

/* Of both tables, those days that were made from what there is now. */
current_days as (
    select refreshed_days.day
    from ops.refreshed_days
    cross join shop.day_range
    left join noted_days on refreshed_days.day = noted_days.day
    where
        refreshed_days.table_name in ('daily_sales', 'product_daily_sales')
        and refreshed_days.changes = coalesce(noted_days.changes, 0)
        and refreshed_days.is_day_of_shop = coalesce(
            refreshed_days.day between day_range.first_day and day_range.newest_day, false
        )
    group by refreshed_days.day
    having count(*) = 2
)

select
    all_days.day,
    kinds.kind,
    kinds.in_shop,
    kinds.in_daily_sales,
    kinds.in_product_daily_sales
from all_days
inner join current_days on all_days.day = current_days.day
left join calendar on all_days.day = calendar.day
left join order_days on all_days.day = order_days.day
left join item_days on all_days.day = item_days.day
left join return_days on all_days.day = return_days.day
left join kept_days on all_days.day = kept_days.day
left join product_days on all_days.day = product_days.day
cross join
    lateral (
        values
        ('row', (calendar.day is not null)::integer, (kept_days.day is not null)::integer, null),
        (
            'gross_sales',
            coalesce(item_days.gross_sales, 0),
            kept_days.gross_sales,
            coalesce(product_days.gross_sales, 0)
        ),
        (
            'discounts',
            coalesce(item_days.discounts, 0),
            kept_days.discounts,
            coalesce(product_days.discounts, 0)
        ),
        (
            'returns',
            coalesce(return_days.returns, 0),
            kept_days.returns,
            coalesce(product_days.returns, 0)
        ),
        (
            'net_sales',
            coalesce(item_days.gross_sales, 0)
            - coalesce(item_days.discounts, 0)
            - coalesce(return_days.returns, 0),
            kept_days.net_sales,
            coalesce(product_days.net_sales, 0)
        ),
        (
            'shipping',
            coalesce(order_days.shipping, 0) - coalesce(return_days.shipping, 0),
            kept_days.shipping,
            null
        ),
        ('taxes', coalesce(order_days.taxes, 0) - coalesce(return_days.taxes, 0), kept_days.taxes, null),
        (
            'total_sales',
            coalesce(order_days.total_sales, 0) - coalesce(return_days.total_sales, 0),
            kept_days.total_sales,
            null
        )
    ) as kinds (kind, in_shop, in_daily_sales, in_product_daily_sales)
where
    /* Of a day whose row is missing, or that should have none, that is all there is to say. */
    (kinds.kind = 'row') = ((calendar.day is null) <> (kept_days.day is null))
    and (
        kinds.in_shop <> coalesce(kinds.in_daily_sales, 0)
        or kinds.in_shop <> kinds.in_product_daily_sales
    );

-- name: rows_read_are_accounted_for
-- For every file, rows read equal rows accepted plus rows refused, and so does their money. Every
-- refused row is in quarantine or recorded as settled.
with quarantined as (
    select
        quarantine.source,
        count(*) as row_count,
        sum(quarantine.amount) as amount
    from ops.quarantine
    where quarantine.of_newest_load
    group by quarantine.source
)

select
    loads.source,
    loads.rows_read,
    loads.rows_accepted,
    loads.rows_quarantined,
    loads.rows_settled,
    coalesce(quarantined.row_count, 0) as found,
    loads.amount_read,
    loads.amount_accepted,
    loads.amount_quarantined,
    loads.amount_settled,
    coalesce(quarantined.amount, 0) as amount_found
from ops.loads
left join quarantined on loads.source = quarantined.source
where
    loads.rows_read <> loads.rows_accepted + loads.rows_quarantined
    or loads.rows_quarantined <> loads.rows_settled + coalesce(quarantined.row_count, 0)
    or loads.amount_read is distinct from loads.amount_accepted + loads.amount_quarantined
    or coalesce(loads.amount_quarantined, 0)
    <> loads.amount_settled + coalesce(quarantined.amount, 0);
