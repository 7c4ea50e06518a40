-- Sales and returns of each product on each day, through both channels.
--
-- grain: one row per day and product ordered or returned on that day
-- key: day, product_id
-- refresh: by day
-- depends on: shop.order_items, shop.returns
-- references: product_id in shop.products

-- name: definition#
create table analytics.product_daily_sales (
    -- The shop's day, of placed_at of an order or returned_at of a return.
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
    -- Shop currency: sum of amount of the units returned that day.
    returns numeric(30, 2) not null check (returns >= 0),
    -- Shop currency: gross_sales - discounts - returns; below zero if returns exceed sales.
    net_sales numeric(30, 2) not null,
    primary key (day, product_id),
    constraint product_daily_sales_discounts_within_gross_sales check (discounts <= gross_sales)
);

-- name: rows
with
items as (
    select
        placed_on,
        order_id,
        product_id,
        quantity,
        amount,
        discount_amount
    from shop.order_items
    where placed_on = any(:days)
),

return_lines as (
    select
        returned_on,
        product_id,
        quantity,
        amount
    from shop.returns
    where
        returned_on = any(:days)
        and product_id is not null
),

sold as (
    select
        placed_on as day,
        product_id,
        count(distinct order_id) as orders,
        sum(quantity) as units,
        sum(amount) as gross_sales,
        sum(discount_amount) as discounts
    from items
    group by placed_on, product_id
),

returned as (
    select
        returned_on as day,
        product_id,
        sum(quantity) as units,
        sum(amount) as returns
    from return_lines
    group by returned_on, product_id
)

select
    coalesce(sold.day, returned.day) as day,
    coalesce(sold.product_id, returned.product_id) as product_id,
    coalesce(sold.orders, 0)::integer as orders,
    coalesce(sold.units, 0)::bigint as units,
    coalesce(returned.units, 0)::bigint as units_returned,
    coalesce(sold.gross_sales, 0) as gross_sales,
    coalesce(sold.discounts, 0) as discounts,
    coalesce(returned.returns, 0) as returns,
    coalesce(sold.gross_sales, 0) - coalesce(sold.discounts, 0) - coalesce(returned.returns, 0) as net_sales
from sold
full outer join returned
    on
        sold.day = returned.day
        and sold.product_id = returned.product_id;
