-- What each customer bought on each day, through both channels. From it follow who is new on a
-- day and what a customer is worth, at the cost of customers and days rather than of order items.
--
-- grain: one row per day and customer with an order on that day
-- key: day, customer_id
-- refresh: with daily_sales
-- depends on: shop.orders, shop.order_items
-- references: customer_id in shop.customers

-- name: definition#
create table analytics.customer_daily_sales (
    -- UTC day on which the orders were placed.
    day date not null,
    -- The customer, as in shop.customers.
    customer_id bigint not null,
    -- Orders the customer placed that day.
    orders integer not null check (orders > 0),
    -- Units in those orders: sum of quantity.
    units bigint not null check (units >= 0),
    -- Shop currency: sum of quantity * unit_price over the items of those orders.
    revenue numeric(30, 2) not null check (revenue >= 0),
    -- Instant of the first of those orders, UTC.
    first_order_at timestamptz not null,
    -- Instant of the last of those orders, UTC.
    last_order_at timestamptz not null,
    primary key (day, customer_id),
    constraint customer_daily_sales_last_order_after_first check (last_order_at >= first_order_at)
);

-- name: rows
with
orders as (
    select
        placed_on,
        order_id,
        customer_id,
        placed_at
    from shop.orders
    where placed_on = any(:days)
),

items as (
    select
        placed_on,
        order_id,
        quantity,
        quantity * unit_price as revenue
    from shop.order_items
    where placed_on = any(:days)
),

baskets as (
    select
        placed_on,
        order_id,
        sum(quantity) as units,
        sum(revenue) as revenue
    from items
    group by placed_on, order_id
)

select
    orders.placed_on as day,
    orders.customer_id,
    count(*)::integer as orders,
    coalesce(sum(baskets.units), 0)::bigint as units,
    coalesce(sum(baskets.revenue), 0) as revenue,
    min(orders.placed_at) as first_order_at,
    max(orders.placed_at) as last_order_at
from orders
left join baskets
    on
        orders.placed_on = baskets.placed_on
        and orders.order_id = baskets.order_id
group by orders.placed_on, orders.customer_id;
