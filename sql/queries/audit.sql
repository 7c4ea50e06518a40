-- name: stock_is_receipts_minus_checkouts
-- Every product's stock is its receipts minus the items of its checkout orders plus what of them was
-- restocked, and not below zero.
with received as (
    select
        stock_receipts.product_id,
        sum(stock_receipts.quantity) as quantity
    from shop.stock_receipts
    group by stock_receipts.product_id
),

sold as (
    select
        order_items.product_id,
        sum(order_items.quantity) as quantity
    from shop.order_items
    where order_items.order_id >= 1000000000000000
    group by order_items.product_id
),

restocked as (
    select
        returns.product_id,
        sum(returns.quantity) as quantity
    from shop.returns
    where returns.restocked and returns.order_id >= 1000000000000000
    group by returns.product_id
),

levels as (
    select
        products.product_id,
        products.stock,
        coalesce(received.quantity, 0)
        - coalesce(sold.quantity, 0)
        + coalesce(restocked.quantity, 0) as expected
    from shop.products
    left join received on products.product_id = received.product_id
    left join sold on products.product_id = sold.product_id
    left join restocked on products.product_id = restocked.product_id
)

select
    levels.product_id,
    levels.stock,
    levels.expected
from levels
where levels.stock <> levels.expected or levels.stock < 0;

-- name: totals_are_sums_of_items
-- Every order has items, and its total is what they come to less discounts, with shipping and tax.
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
-- No order id stands on two days.
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
-- A checkout says ordered exactly when its order exists.
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
-- No decided cart has waited over a minute to be cleared, and no moved stock to be cached.
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
-- Every calendar day from the first order to the newest has its row, and its revenue in daily_sales, in
-- product_daily_sales and in the orders is the same; unless it waits to be refreshed.
with shop_days as (
    select
        min(orders.placed_on) as first_day,
        max(orders.placed_on) as newest_day
    from shop.orders
),

calendar as (
    select days.day::date as day
    from shop_days
    cross join
        lateral generate_series(
            greatest(shop_days.first_day, :first_day::date),
            least(shop_days.newest_day, :last_day::date),
            interval '1 day'
        ) as days (day)
    where shop_days.first_day is not null
),

order_days as (
    select
        orders.placed_on as day,
        sum(orders.total_amount) as revenue
    from shop.orders
    where orders.placed_on between :first_day and :last_day
    group by orders.placed_on
),

product_days as (
    select
        product_daily_sales.day,
        sum(product_daily_sales.revenue) as revenue
    from analytics.product_daily_sales
    where product_daily_sales.day between :first_day and :last_day
    group by product_daily_sales.day
),

kept_days as (
    select
        daily_sales.day,
        daily_sales.revenue
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
    cross join shop_days
    left join noted_days on refreshed_days.day = noted_days.day
    where
        refreshed_days.table_name in ('daily_sales', 'product_daily_sales')
        and refreshed_days.changes = coalesce(noted_days.changes, 0)
        and refreshed_days.is_day_of_shop = coalesce(
            refreshed_days.day between shop_days.first_day and shop_days.newest_day, false
        )
    group by refreshed_days.day
    having count(*) = 2
)

select
    all_days.day,
    coalesce(order_days.revenue, 0) as orders,
    kept_days.revenue as daily_sales,
    coalesce(product_days.revenue, 0) as product_daily_sales
from all_days
inner join current_days on all_days.day = current_days.day
left join calendar on all_days.day = calendar.day
left join order_days on all_days.day = order_days.day
left join kept_days on all_days.day = kept_days.day
left join product_days on all_days.day = product_days.day
where
    (calendar.day is null) <> (kept_days.day is null)
    or coalesce(order_days.revenue, 0) <> coalesce(kept_days.revenue, 0)
    or coalesce(order_days.revenue, 0) <> coalesce(product_days.revenue, 0);

-- name: rows_read_are_accounted_for
-- Of every source, the rows read are those accepted plus those refused, and so is their money; what
-- was refused is in quarantine, or is noted as settled since.
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
