-- What each product sold and what of it came back on each day, through both channels.
--
-- grain: one row per day and product ordered or returned on that day
-- key: day, product_id
-- refresh: by day
-- depends on: shop.order_items, shop.returns
-- references: product_id in shop.products

-- name: definition#
create table analytics.product_daily_sales (
    -- The shop's day: of an order that of placed_at, of a return that of returned_at.
    day date not null,
    -- The product, as in shop.products.
    product_id bigint not null,
    -- Orders placed that day that hold the product; an order with two lines of it counts once.
    orders integer not null check (orders >= 0),
    -- Units in those orders: sum of quantity.
    units bigint not null check (units >= 0),
    -- Units given back that day, whenever they were ordered.
    units_returned bigint not null check (units_returned >= 0),
    -- Shop currency: sum of amount.
    gross_sales numeric(30, 2) not null check (gross_sales >= 0),
    -- Shop currency: sum of discount_amount.
    discounts numeric(30, 2) not null check (discounts >= 0),
    -- Shop currency: sum of amount of what was returned that day.
    returns numeric(30, 2) not null check (returns >= 0),
    -- Shop currency: gross_sales - discounts - returns; below zero where more was returned.
    net_sales numeric(30, 2) not null,
    primary key (day, product_id),
    constraint product_daily_sales_discounts_within_gross_sales check (discounts <= gross_sales)
);

-- name: rows
with
movements as (
    select
        placed_on as day,
        product_id,
        order_id,
        quantity as units,
        null::integer as units_returned,
        amount as gross_sales,
        discount_amount as discounts,
        null::numeric as returns
    from shop.order_items
    where placed_on = any(:days)
    union all
    select
        returned_on as day,
        product_id,
        null::bigint as order_id,
        null::integer as units,
        quantity as units_returned,
        null::numeric as gross_sales,
        null::numeric as discounts,
        amount as returns
    from shop.returns
    where
        returned_on = any(:days)
        and product_id is not null
),

figures as (
    select
        day,
        product_id,
        count(distinct order_id)::integer as orders,
        coalesce(sum(units), 0)::bigint as units,
        coalesce(sum(units_returned), 0)::bigint as units_returned,
        coalesce(sum(gross_sales), 0) as gross_sales,
        coalesce(sum(discounts), 0) as discounts,
        coalesce(sum(returns), 0) as returns
    from movements
    group by day, product_id
)

select
    day,
    product_id,
    orders,
    units,
    units_returned,
    gross_sales,
    discounts,
    returns,
    gross_sales - discounts - returns as net_sales
from figures;
