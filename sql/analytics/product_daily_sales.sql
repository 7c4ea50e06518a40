-- What each product sold on each day, through both channels.
--
-- grain: one row per day and product sold on that day
-- key: day, product_id
-- refresh: by day
-- depends on: shop.order_items

-- name: definition#
create table analytics.product_daily_sales (
    day date not null,
    product_id bigint not null,
    orders integer not null,
    units bigint not null,
    revenue numeric(30, 2) not null,
    primary key (day, product_id),
    constraint product_daily_sales_orders_positive check (orders > 0),
    constraint product_daily_sales_units_positive check (units > 0),
    constraint product_daily_sales_revenue_not_negative check (revenue >= 0)
);

-- name: comments#
comment on table analytics.product_daily_sales is 'One row per day and product sold on that day.';
comment on column analytics.product_daily_sales.day is 'UTC day on which the orders were placed.';
comment on column analytics.product_daily_sales.product_id is 'The product, as in shop.products.';
comment on column analytics.product_daily_sales.orders is
'Orders that hold the product; an order with two lines of it counts once.';
comment on column analytics.product_daily_sales.units is 'Units sold: sum of quantity.';
comment on column analytics.product_daily_sales.revenue is 'Shop currency: sum of quantity * unit_price.';

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
