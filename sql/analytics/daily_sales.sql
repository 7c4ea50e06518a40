-- Sales of each day through both channels, and how many customers were new.
--
-- grain: one row per calendar day from the shop's first order or return to its newest; zeros on a day
--   without either
-- key: day
-- refresh: by day
-- depends on: analytics.customer_daily_sales, analytics.customer_first_days, shop.day_range,
--   shop.orders, shop.order_items, shop.returns

-- name: definition#
create table analytics.daily_sales (
    -- The shop's day, of placed_at of an order or returned_at of a return.
    day date primary key,
    -- Orders placed that day, through both channels.
    orders integer not null check (orders >= 0),
    -- Units in those orders: sum of quantity.
    units bigint not null check (units >= 0),
    -- Units given back that day, whenever they were ordered.
    units_returned bigint not null check (units_returned >= 0),
    -- Shop currency: sum of amount over the items of those orders.
    gross_sales numeric(30, 2) not null check (gross_sales >= 0),
    -- Shop currency: sum of discount_amount over those items.
    discounts numeric(30, 2) not null check (discounts >= 0),
    -- Shop currency: sum of amount of the products returned that day.
    returns numeric(30, 2) not null check (returns >= 0),
    -- Shop currency: gross_sales - discounts - returns; below zero if returns exceed sales.
    net_sales numeric(30, 2) not null,
    -- Shop currency: shipping of those orders, less money given back that day for no product.
    shipping numeric(30, 2) not null,
    -- Shop currency: tax of those orders, less the tax given back that day.
    taxes numeric(30, 2) not null,
    -- Shop currency: net_sales + shipping + taxes.
    total_sales numeric(30, 2) not null,
    -- Shop currency, 6 decimals: (gross_sales - discounts) / orders; null on a day without
    -- orders.
    average_order_value numeric check (average_order_value >= 0),
    -- Customers whose first order was placed that day.
    new_customers integer not null check (new_customers >= 0),
    -- Customers who ordered that day and on an earlier day too.
    returning_customers integer not null check (returning_customers >= 0),
    -- Orders without a customer.
    guest_orders integer not null,
    constraint daily_sales_guest_orders_are_orders check (guest_orders between 0 and orders),
    constraint daily_sales_discounts_within_gross_sales check (discounts <= gross_sales)
);

-- name: rows
with
asked_days as (
    select unnest(:days) as day
),

-- Whoever refreshes a day that the shop does not have makes no row of it.
days as (
    select asked_days.day
    from asked_days
    inner join shop.day_range on asked_days.day between day_range.first_day and day_range.newest_day
),

orders as (
    select
        placed_on,
        customer_id,
        shipping_amount,
        tax_amount
    from shop.orders
    where placed_on = any(:days)
),

items as (
    select
        placed_on,
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
        amount,
        tax_amount
    from shop.returns
    where returned_on = any(:days)
),

customer_days as (
    select
        day,
        customer_id
    from analytics.customer_daily_sales
    where
        day = any(:days)
        and orders > 0
),

first_days as (
    select
        customer_id,
        day
    from analytics.customer_first_days
),

placed as (
    select
        placed_on,
        count(*) as orders,
        count(*) filter (where customer_id is null) as guest_orders,
        sum(shipping_amount) as shipping,
        sum(tax_amount) as taxes
    from orders
    group by placed_on
),

sold as (
    select
        placed_on,
        sum(quantity) as units,
        sum(amount) as gross_sales,
        sum(discount_amount) as discounts
    from items
    group by placed_on
),

returned as (
    select
        returned_on,
        sum(quantity) as units,
        sum(amount) filter (where product_id is not null) as returns,
        sum(amount) filter (where product_id is null) as shipping,
        sum(tax_amount) as taxes
    from return_lines
    group by returned_on
),

customers as (
    select
        customer_days.day,
        count(*) filter (where customer_days.day = first_days.day) as new_customers,
        count(*) filter (where customer_days.day > first_days.day) as returning_customers
    from customer_days
    left join first_days on customer_days.customer_id = first_days.customer_id
    group by customer_days.day
),

figures as (
    select
        days.day,
        coalesce(placed.orders, 0)::integer as orders,
        coalesce(sold.units, 0)::bigint as units,
        coalesce(returned.units, 0)::bigint as units_returned,
        coalesce(sold.gross_sales, 0) as gross_sales,
        coalesce(sold.discounts, 0) as discounts,
        coalesce(returned.returns, 0) as returns,
        coalesce(placed.shipping, 0) - coalesce(returned.shipping, 0) as shipping,
        coalesce(placed.taxes, 0) - coalesce(returned.taxes, 0) as taxes,
        coalesce(customers.new_customers, 0)::integer as new_customers,
        coalesce(customers.returning_customers, 0)::integer as returning_customers,
        coalesce(placed.guest_orders, 0)::integer as guest_orders
    from days
    left join placed on days.day = placed.placed_on
    left join sold on days.day = sold.placed_on
    left join returned on days.day = returned.returned_on
    left join customers on days.day = customers.day
)

select
    day,
    orders,
    units,
    units_returned,
    gross_sales,
    discounts,
    returns,
    gross_sales - discounts - returns as net_sales,
    shipping,
    taxes,
    gross_sales - discounts - returns + shipping + taxes as total_sales,
    round((gross_sales - discounts) / nullif(orders, 0), 6) as average_order_value,
    new_customers,
    returning_customers,
    guest_orders
from figures;
