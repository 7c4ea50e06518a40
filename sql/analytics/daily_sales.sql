-- Sales of each day through both channels, and how many customers were new.
--
-- grain: one row per calendar day from the shop's first order to its newest; one without orders shows zeros
-- key: day
-- refresh: by day
-- depends on: analytics.customer_daily_sales, analytics.customer_first_days, shop.orders

-- name: definition#
create table analytics.daily_sales (
    day date primary key,
    orders integer not null,
    units bigint not null,
    revenue numeric(30, 2) not null,
    average_order_value numeric,
    new_customers integer not null,
    returning_customers integer not null,
    constraint daily_sales_orders_not_negative check (orders >= 0),
    constraint daily_sales_units_not_negative check (units >= 0),
    constraint daily_sales_revenue_not_negative check (revenue >= 0),
    constraint daily_sales_average_order_value_not_negative check (average_order_value >= 0),
    constraint daily_sales_new_customers_not_negative check (new_customers >= 0),
    constraint daily_sales_returning_customers_not_negative check (returning_customers >= 0)
);

-- name: comments#
comment on table analytics.daily_sales is
'One row per calendar day from the shop''s first order to its newest; one without orders shows zeros.';
comment on column analytics.daily_sales.day is 'UTC day on which the orders were placed.';
comment on column analytics.daily_sales.orders is 'Orders placed that day, through both channels.';
comment on column analytics.daily_sales.units is 'Units in those orders: sum of quantity.';
comment on column analytics.daily_sales.revenue is 'Shop currency: sum of quantity * unit_price.';
comment on column analytics.daily_sales.average_order_value is
'Shop currency, 6 decimals: revenue / orders; null on a day without orders.';
comment on column analytics.daily_sales.new_customers is
'Customers whose first order ever was placed that day.';
comment on column analytics.daily_sales.returning_customers is
'Customers who ordered that day and on an earlier day too.';

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
