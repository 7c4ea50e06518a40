-- Orders and returns of each customer on each day, through both channels; guests have no row. New
-- customers and customer value are computed from it, which is cheaper than from order items.
--
-- grain: one row per day and customer with an order or a returned product on that day
-- key: day, customer_id
-- refresh: with daily_sales
-- depends on: shop.orders, shop.returns
-- references: customer_id in shop.customers

-- name: definition#
create table analytics.customer_daily_sales (
    -- The shop's day, of placed_at of an order or returned_at of a return.
    day date not null,
    -- The customer, as in shop.customers.
    customer_id bigint not null,
    -- Orders the customer placed that day.
    orders integer not null check (orders >= 0),
    -- Shop currency: sum of amount of the products that the customer returned that day.
    returns numeric(30, 2) not null check (returns >= 0),
    -- Shop currency: total_amount less shipping_amount and tax_amount of those orders, which is
    -- what their items come to after discounts, less returns; below zero if returns exceed sales.
    net_sales numeric(30, 2) not null,
    -- Instant of the first of those orders, UTC; null on a day without orders.
    first_order_at timestamptz,
    -- Instant of the last of those orders, UTC; null on a day without orders.
    last_order_at timestamptz,
    primary key (day, customer_id),
    constraint customer_daily_sales_last_order_after_first check (last_order_at >= first_order_at),
    constraint customer_daily_sales_orders_have_instants
    check ((orders > 0) = (first_order_at is not null) and (orders > 0) = (last_order_at is not null))
);

-- name: rows
with
orders as (
    select
        placed_on,
        customer_id,
        placed_at,
        total_amount - shipping_amount - tax_amount as paid
    from shop.orders
    where
        placed_on = any(:days)
        and customer_id is not null
),

return_lines as (
    select
        returned_on,
        customer_id,
        amount
    from shop.returns
    where
        returned_on = any(:days)
        and customer_id is not null
        and product_id is not null
),

movements as (
    select
        placed_on as day,
        customer_id,
        placed_at,
        paid,
        null::numeric as returned
    from orders
    union all
    select
        returned_on as day,
        customer_id,
        null::timestamptz as placed_at,
        null::numeric as paid,
        amount as returned
    from return_lines
)

select
    day,
    customer_id,
    count(placed_at)::integer as orders,
    coalesce(sum(returned), 0) as returns,
    coalesce(sum(paid), 0) - coalesce(sum(returned), 0) as net_sales,
    min(placed_at) as first_order_at,
    max(placed_at) as last_order_at
from movements
group by day, customer_id;
