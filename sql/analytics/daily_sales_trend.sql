-- Daily sales with their moving averages and the change against the same weekday a week before.
-- Windows are calendar days; of the shop's first days, as many as there are.
--
-- grain: one row per day of daily_sales
-- key: day
-- refresh: view
-- depends on: analytics.daily_sales

-- name: definition#
create view analytics.daily_sales_trend (
    -- UTC day on which the orders were placed.
    day,
    -- Orders placed that day, through both channels.
    orders,
    -- Units in those orders: sum of quantity.
    units,
    -- Shop currency: sum of quantity * unit_price.
    revenue,
    -- Shop currency, 6 decimals: revenue / orders; null on a day without orders.
    average_order_value,
    -- Customers whose first order ever was placed that day.
    new_customers,
    -- Customers who ordered that day and on an earlier day too.
    returning_customers,
    -- Shop currency per day, 6 decimals: mean revenue of this day and the 6 before it, of
    -- those that the shop has.
    revenue_7d_avg,
    -- Shop currency per day, 6 decimals: mean revenue of this day and the 27 before it, of
    -- those that the shop has.
    revenue_28d_avg,
    -- Ratio, 6 decimals: (revenue - revenue 7 days before) / revenue 7 days before; null
    -- without that day or when it sold nothing.
    revenue_wow_change
) as
with
sales as (
    select
        day,
        orders,
        units,
        revenue,
        average_order_value,
        new_customers,
        returning_customers
    from analytics.daily_sales
),

averages as (
    select
        day,
        avg(revenue) over (
            order by day
            range between interval '6 days' preceding and current row
        ) as revenue_7d_avg,
        avg(revenue) over (
            order by day
            range between interval '27 days' preceding and current row
        ) as revenue_28d_avg,
        sum(revenue) over (
            order by day
            range between interval '7 days' preceding and interval '7 days' preceding
        ) as revenue_week_before
    from sales
)

select
    sales.day,
    sales.orders,
    sales.units,
    sales.revenue,
    sales.average_order_value,
    sales.new_customers,
    sales.returning_customers,
    round(averages.revenue_7d_avg, 6) as revenue_7d_avg,
    round(averages.revenue_28d_avg, 6) as revenue_28d_avg,
    round(
        (sales.revenue - averages.revenue_week_before) / nullif(averages.revenue_week_before, 0), 6
    ) as revenue_wow_change
from sales
inner join averages on sales.day = averages.day;
