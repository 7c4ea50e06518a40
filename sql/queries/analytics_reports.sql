-- name: days
-- Sales of the newest days and their trend.
select
    day,
    orders,
    units,
    units_returned,
    gross_sales,
    net_sales,
    total_sales,
    round(average_order_value, 2) as average_order_value,
    new_customers,
    returning_customers,
    guest_orders,
    round(net_sales_7d_avg, 2) as net_sales_7d_avg,
    round(net_sales_28d_avg, 2) as net_sales_28d_avg,
    round(100 * net_sales_wow_change, 1) as week_on_week_percent
from analytics.daily_sales_trend
order by day desc
limit :most;

-- name: bridge
-- From gross sales to total sales in the last 30 days.
with newest as (
    select max(daily_sales.day) as day
    from analytics.daily_sales
),

sales as (
    select
        sum(gross_sales) as gross_sales,
        sum(discounts) as discounts,
        sum(returns) as returns,
        sum(net_sales) as net_sales,
        sum(shipping) as shipping,
        sum(taxes) as taxes,
        sum(total_sales) as total_sales
    from analytics.daily_sales
    where day > (select newest.day - 30 from newest)
)

select
    steps.step,
    steps.amount,
    round(100 * steps.amount / nullif(sales.gross_sales, 0), 2) as percent_of_gross_sales
from sales
cross join
    lateral (
        values
        (1, 'gross sales', sales.gross_sales),
        (2, 'discounts', -sales.discounts),
        (3, 'returns', -sales.returns),
        (4, 'net sales', sales.net_sales),
        (5, 'shipping', sales.shipping),
        (6, 'taxes', sales.taxes),
        (7, 'total sales', sales.total_sales)
    ) as steps (place, step, amount)
where sales.gross_sales is not null
order by steps.place
limit :most;

-- name: sellers
-- Best-selling products of the last 30 days.
select
    sellers.rank,
    sellers.product_id,
    products.name,
    sellers.units,
    sellers.net_sales
from analytics.top_sellers as sellers
inner join shop.products on sellers.product_id = products.product_id
where sellers.window_name = '30d'
order by sellers.rank
limit :most;

-- name: returned
-- Products with the highest return rate, among those ordered at least 10 times.
select
    performance.product_id,
    products.name,
    performance.units,
    performance.units_returned,
    round(100 * performance.return_rate, 1) as return_percent,
    performance.net_sales
from analytics.product_performance as performance
inner join shop.products on performance.product_id = products.product_id
where
    performance.orders >= 10
    and performance.units_returned > 0
order by
    performance.return_rate desc,
    performance.units_returned desc,
    performance.product_id asc
limit :most;

-- name: guests
-- Orders of guests by month.
select
    date_trunc('month', day::timestamp)::date as month,
    sum(orders) as orders,
    sum(guest_orders) as guest_orders,
    round(100.0 * sum(guest_orders) / nullif(sum(orders), 0), 1) as guest_percent
from analytics.daily_sales
group by date_trunc('month', day::timestamp)
order by month desc
limit :most;

-- name: products
-- Products by net sales over all days, with their share and class.
select
    performance.product_id,
    products.name,
    performance.orders,
    performance.units,
    performance.net_sales,
    round(100 * performance.sales_share, 2) as sales_percent,
    round(100 * performance.cumulative_share, 2) as cumulative_percent,
    performance.abc_class,
    performance.last_sold_on
from analytics.product_performance as performance
inner join shop.products on performance.product_id = products.product_id
order by
    performance.net_sales desc,
    performance.product_id asc
limit :most;

-- name: classes
-- Number of products and their share of net sales by ABC class.
select
    abc_class,
    count(*) as products,
    sum(units)::bigint as units,
    sum(net_sales) as net_sales,
    round(100 * sum(sales_share), 2) as sales_percent
from analytics.product_performance
group by abc_class
order by abc_class
limit :most;

-- name: segments
-- Customer segments by size, recency, frequency and net sales.
select
    segment,
    count(*) as customers,
    round(avg(recency_days), 1) as mean_recency_days,
    round(avg(orders), 2) as mean_orders,
    round(avg(days_to_second_order), 1) as mean_days_to_second_order,
    sum(net_sales) as net_sales,
    round(sum(net_sales) / count(*), 2) as net_sales_per_customer
from analytics.customer_value
group by segment
order by
    net_sales desc,
    segment asc
limit :most;

-- name: customers
-- Customers with the highest net sales.
select
    customer_id,
    segment,
    orders,
    net_sales,
    round(average_order_value, 2) as average_order_value,
    first_order_at,
    last_order_at,
    recency_days,
    r_score,
    f_score,
    m_score
from analytics.customer_value
order by
    net_sales desc,
    customer_id asc
limit :most;

-- name: cohorts
-- Customer retention by month of the first order.
select
    cohort_month,
    months_since,
    customers,
    active_customers,
    round(100 * retention, 1) as retention_percent,
    net_sales,
    cumulative_net_sales
from analytics.cohort_retention
order by
    cohort_month,
    months_since
limit :most;

-- name: pairs
-- Products bought together more often than by chance.
select
    affinity.product_a,
    products_a.name as name_a,
    affinity.product_b,
    products_b.name as name_b,
    affinity.baskets,
    round(100 * affinity.support, 4) as support_percent,
    round(100 * affinity.confidence_ab, 2) as confidence_ab_percent,
    round(100 * affinity.confidence_ba, 2) as confidence_ba_percent,
    round(affinity.lift, 2) as lift
from analytics.basket_affinity as affinity
inner join shop.products as products_a on affinity.product_a = products_a.product_id
inner join shop.products as products_b on affinity.product_b = products_b.product_id
where affinity.lift > 1
order by
    affinity.lift desc,
    affinity.product_a asc,
    affinity.product_b asc
limit :most;

-- name: funnel
-- From cart to order on the newest days.
select
    day,
    carts_created,
    carts_submitted,
    orders,
    rejected,
    abandoned,
    round(100 * conversion_rate, 1) as conversion_percent,
    abandoned_value
from analytics.cart_funnel
order by day desc
limit :most;

-- name: cover
-- Products whose stock will run out first at the present sales rate.
select
    cover.product_id,
    products.name,
    cover.stock,
    cover.units_30d,
    round(cover.daily_velocity, 2) as daily_velocity,
    round(cover.days_of_cover, 1) as days_of_cover,
    round(cover.turnover, 2) as turnover,
    cover.reorder
from analytics.inventory_cover as cover
inner join shop.products on cover.product_id = products.product_id
order by
    cover.days_of_cover asc nulls last,
    cover.units_30d desc,
    cover.product_id asc
limit :most;

-- name: shortages
-- Products with the most lost demand for lack of stock.
select
    lost.product_id,
    products.name,
    count(*) as days,
    sum(lost.requested_units)::bigint as requested_units,
    sum(lost.lost_sales) as lost_sales,
    max(lost.day) as newest_day
from analytics.lost_demand as lost
inner join shop.products on lost.product_id = products.product_id
group by
    lost.product_id,
    products.name
order by
    lost_sales desc,
    lost.product_id asc
limit :most;

-- name: attributes
-- Sales by product attribute.
select
    category,
    attribute,
    value,
    units,
    net_sales
from analytics.attribute_sales
order by
    net_sales desc,
    category asc,
    attribute asc,
    value asc
limit :most;
