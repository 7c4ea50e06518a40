-- Daily sales with their moving averages and the change against the same weekday a week before.
-- Windows are calendar days; in the shop's first days, the days that exist so far.
--
-- grain: one row per day of daily_sales
-- key: day
-- refresh: view
-- depends on: analytics.daily_sales

-- name: definition#
create view analytics.daily_sales_trend (
    -- The shop's day, of placed_at of an order or returned_at of a return.
    day,
    -- Orders placed that day, through both channels.
    orders,
    -- Units in those orders: sum of quantity.
    units,
    -- Units given back that day, whenever they were ordered.
    units_returned,
    -- Shop currency: sum of amount over the items of those orders.
    gross_sales,
    -- Shop currency: sum of discount_amount over those items.
    discounts,
    -- Shop currency: sum of amount of the products returned that day.
    returns,
    -- Shop currency: gross_sales - discounts - returns; below zero if returns exceed sales.
    net_sales,
    -- Shop currency: shipping of those orders, less money given back that day for no product.
    shipping,
    -- Shop currency: tax of those orders, less the tax given back that day.
    taxes,
    -- Shop currency: net_sales + shipping + taxes.
    total_sales,
    -- Shop currency, 6 decimals: (gross_sales - discounts) / orders; null on a day without
    -- orders.
    average_order_value,
    -- Customers whose first order was placed that day.
    new_customers,
    -- Customers who ordered that day and on an earlier day too.
    returning_customers,
    -- Orders without a customer.
    guest_orders,
    -- Shop currency per day, 6 decimals: mean net_sales of this day and the 6 before it, as far
    -- as they exist.
    net_sales_7d_avg,
    -- Shop currency per day, 6 decimals: mean net_sales of this day and the 27 before it, as far
    -- as they exist.
    net_sales_28d_avg,
    -- Ratio, 6 decimals: (net_sales - net_sales 7 days before) / net_sales 7 days before; null
    -- without that day or where its net_sales are not above zero.
    net_sales_wow_change
) as
with
sales as (
    select
        day,
        orders,
        units,
        units_returned,
        gross_sales,
        discounts,
        returns,
        net_sales,
        shipping,
        taxes,
        total_sales,
        average_order_value,
        new_customers,
        returning_customers,
        guest_orders
    from analytics.daily_sales
),

averages as (
    select
        day,
        avg(net_sales) over (
            order by day
            range between interval '6 days' preceding and current row
        ) as net_sales_7d_avg,
        avg(net_sales) over (
            order by day
            range between interval '27 days' preceding and current row
        ) as net_sales_28d_avg,
        sum(net_sales) over (
            order by day
            range between interval '7 days' preceding and interval '7 days' preceding
        ) as net_sales_week_before
    from sales
)

select
    sales.day,
    sales.orders,
    sales.units,
    sales.units_returned,
    sales.gross_sales,
    sales.discounts,
    sales.returns,
    sales.net_sales,
    sales.shipping,
    sales.taxes,
    sales.total_sales,
    sales.average_order_value,
    sales.new_customers,
    sales.returning_customers,
    sales.guest_orders,
    round(averages.net_sales_7d_avg, 6) as net_sales_7d_avg,
    round(averages.net_sales_28d_avg, 6) as net_sales_28d_avg,
    case
        when averages.net_sales_week_before > 0
            then
                round((sales.net_sales - averages.net_sales_week_before) / averages.net_sales_week_before, 6)
    end as net_sales_wow_change
from sales
inner join averages on sales.day = averages.day;
