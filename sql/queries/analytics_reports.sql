-- name: days
-- Sales of the newest days, with their trend.
select
    day,
    orders,
    units,
    revenue,
    round(average_order_value, 2) as average_order_value,
    new_customers,
    returning_customers,
    round(revenue_7d_avg, 2) as revenue_7d_avg,
    round(revenue_28d_avg, 2) as revenue_28d_avg,
    round(100 * revenue_wow_change, 1) as week_on_week_percent
from analytics.daily_sales_trend
order by day desc
limit :most;

-- name: sellers
-- Products that sold most in the last 30 days.
select
    sellers.rank,
    sellers.product_id,
    products.name,
    sellers.units,
    sellers.revenue
from analytics.top_sellers as sellers
inner join shop.products on sellers.product_id = products.product_id
where sellers.window_name = '30d'
order by sellers.rank
limit :most;

-- name: products
-- Products by revenue over all days, with their share and class.
select
    performance.product_id,
    products.name,
    performance.orders,
    performance.units,
    performance.revenue,
    round(100 * performance.revenue_share, 2) as revenue_percent,
    round(100 * performance.cumulative_share, 2) as cumulative_percent,
    performance.abc_class,
    performance.last_sold_on
from analytics.product_performance as performance
inner join shop.products on performance.product_id = products.product_id
order by
    performance.revenue desc,
    performance.product_id asc
limit :most;

-- name: classes
-- How many products make how much of the revenue, by ABC class.
select
    abc_class,
    count(*) as products,
    sum(units)::bigint as units,
    sum(revenue) as revenue,
    round(100 * sum(revenue_share), 2) as revenue_percent
from analytics.product_performance
group by abc_class
order by abc_class
limit :most;

-- name: segments
-- Customers by segment: how many, how recent, how often, how much.
select
    segment,
    count(*) as customers,
    round(avg(recency_days), 1) as mean_recency_days,
    round(avg(orders), 2) as mean_orders,
    round(avg(days_to_second_order), 1) as mean_days_to_second_order,
    sum(revenue) as revenue,
    round(sum(revenue) / count(*), 2) as revenue_per_customer
from analytics.customer_value
group by segment
order by
    revenue desc,
    segment asc
limit :most;

-- name: customers
-- Customers who spent most.
select
    customer_id,
    segment,
    orders,
    revenue,
    round(average_order_value, 2) as average_order_value,
    first_order_at,
    last_order_at,
    recency_days,
    r_score,
    f_score,
    m_score
from analytics.customer_value
order by
    revenue desc,
    customer_id asc
limit :most;

-- name: cohorts
-- Customers who come back, by month of their first order.
select
    cohort_month,
    months_since,
    customers,
    active_customers,
    round(100 * retention, 1) as retention_percent,
    revenue,
    cumulative_revenue
from analytics.cohort_retention
order by
    cohort_month,
    months_since
limit :most;

-- name: pairs
-- Products bought together more often than chance would have it.
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
-- From cart to order, the newest days.
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
-- Products whose stock lasts least at the present pace.
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
-- Products that were asked for most when there were too few.
select
    lost.product_id,
    products.name,
    count(*) as days,
    sum(lost.requested_units)::bigint as requested_units,
    sum(lost.lost_revenue) as lost_revenue,
    max(lost.day) as newest_day
from analytics.lost_demand as lost
inner join shop.products on lost.product_id = products.product_id
group by
    lost.product_id,
    products.name
order by
    lost_revenue desc,
    lost.product_id asc
limit :most;

-- name: attributes
-- What products that sell are like.
select
    category,
    attribute,
    value,
    units,
    revenue
from analytics.attribute_sales
order by
    revenue desc,
    category asc,
    attribute asc,
    value asc
limit :most;
