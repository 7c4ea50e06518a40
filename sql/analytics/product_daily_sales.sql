-- What each product sold on each day, through both channels.
--
-- grain: one row per day and product sold on that day
-- key: day, product_id
-- refresh: by day
-- depends on: shop.order_items
-- references: product_id in shop.products

-- name: definition#
create table analytics.product_daily_sales (
    -- UTC day on which the orders were placed.
    day date not null,
    -- The product, as in shop.products.
    product_id bigint not null,
    -- Orders that hold the product; an order with two lines of it counts once.
    orders integer not null check (orders > 0),
    -- Units sold: sum of quantity.
    units bigint not null check (units > 0),
    -- Shop currency: sum of quantity * unit_price.
    revenue numeric(30, 2) not null check (revenue >= 0),
    primary key (day, product_id)
);

-- name: rows
with
items as (
    select
        placed_on,
        order_id,
        product_id,
        quantity,
        quantity * unit_price as revenue
    from shop.order_items
    where placed_on = any(:days)
)

select
    placed_on as day,
    product_id,
    count(distinct order_id)::integer as orders,
    sum(quantity)::bigint as units,
    sum(revenue) as revenue
from items
group by placed_on, product_id;
