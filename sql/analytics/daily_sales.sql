-- Sales of each day through both channels, and how many customers were new.
--
-- grain: one row per calendar day from the shop's first order to its newest; one without orders shows zeros
-- key: day
-- refresh: by day
-- depends on: analytics.customer_daily_sales, analytics.customer_first_days, shop.orders

-- name: definition#
create table analytics.daily_sales (
    -- UTC day on which the orders were placed.
    day date primary key,
    -- Orders placed that day, through both channels.
    orders integer not null check (orders >= 0),
    -- Units in those orders: sum of quantity.
    units bigint not null check (units >= 0),
    -- Shop currency: sum of quantity * unit_price.
    revenue numeric(30, 2) not null check (revenue >= 0),
    -- Shop currency, 6 decimals: revenue / orders; null on a day without orders.
    average_order_value numeric check (average_order_value >= 0),
    -- Customers whose first order ever was placed that day.
    new_customers integer not null check (new_customers >= 0),
    -- Customers who ordered that day and on an earlier day too.
    returning_customers integer not null check (returning_customers >= 0)
);

-- name: rows
with
asked_days as (
    select unnest(:days) as day
),

shop_days as (
    select
        min(placed_on) as first_day,
        max(placed_on) as newest_day
    from shop.orders
),

-- Whoever refreshes a day that the shop does not have makes no row of it.
days as (
    select asked_days.day
    from asked_days
    inner join shop_days on asked_days.day between shop_days.first_day and shop_days.newest_day
),

customer_days as (
    select
        day,
        customer_id,
        orders,
        units,
        revenue
    from analytics.customer_daily_sales
    where day = any(:days)
),

first_days as (
    select
        customer_id,
        day
    from analytics.customer_first_days
),

sales as (
    select
        customer_days.day,
        sum(customer_days.orders) as orders,
        sum(customer_days.units) as units,
        sum(customer_days.revenue) as revenue,
        count(*) filter (where customer_days.day = first_days.day) as new_customers,
        count(*) filter (where customer_days.day > first_days.day) as returning_customers
    from customer_days
    left join first_days on customer_days.customer_id = first_days.customer_id
    group by customer_days.day
)

select
    days.day,
    coalesce(sales.orders, 0)::integer as orders,
    coalesce(sales.units, 0)::bigint as units,
    coalesce(sales.revenue, 0) as revenue,
    round(sales.revenue / sales.orders, 6) as average_order_value,
    coalesce(sales.new_customers, 0)::integer as new_customers,
    coalesce(sales.returning_customers, 0)::integer as returning_customers
from days
left join sales on days.day = sales.day;
