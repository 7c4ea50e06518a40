-- What each product sold in all, and its class by share of revenue (ABC analysis, after Pareto).
--
-- grain: one row per product, sold or not
-- key: product_id
-- refresh: whole
-- depends on: shop.products, analytics.product_daily_sales
-- references: product_id in shop.products

-- name: definition#
create table analytics.product_performance (
    -- The product, as in shop.products.
    product_id bigint primary key,
    -- Orders that hold the product.
    orders bigint not null check (orders >= 0),
    -- Units sold: sum of quantity.
    units bigint not null check (units >= 0),
    -- Shop currency: sum of quantity * unit_price.
    revenue numeric(30, 2) not null check (revenue >= 0),
    -- First UTC day of a sale; null if never sold.
    first_sold_on date,
    -- Newest UTC day of a sale; null if never sold.
    last_sold_on date,
    -- Ratio, 10 decimals: revenue / revenue of all products; null while nothing has any.
    revenue_share numeric check (revenue_share between 0 and 1),
    -- Ratio, 10 decimals: share of this product and of all that earn more, ties by
    -- product_id; null while nothing has any revenue.
    cumulative_share numeric check (cumulative_share between 0 and 1),
    -- A while cumulative_share is at most 0.80, B while it is at most 0.95, otherwise C; C
    -- without revenue.
    abc_class text not null check (abc_class in ('A', 'B', 'C')),
    constraint product_performance_last_sale_after_first check (last_sold_on >= first_sold_on)
);

-- name: rows
with
products as (
    select product_id
    from shop.products
),

product_days as (
    select
        day,
        product_id,
        orders,
        units,
        revenue
    from analytics.product_daily_sales
),

sold as (
    select
        product_id,
        sum(orders) as orders,
        sum(units) as units,
        sum(revenue) as revenue,
        min(day) as first_sold_on,
        max(day) as last_sold_on
    from product_days
    group by product_id
),

sales as (
    select
        products.product_id,
        coalesce(sold.orders, 0)::bigint as orders,
        coalesce(sold.units, 0)::bigint as units,
        coalesce(sold.revenue, 0) as revenue,
        sold.first_sold_on,
        sold.last_sold_on
    from products
    left join sold on products.product_id = sold.product_id
),

running as (
    select
        product_id,
        sum(revenue) over () as total_revenue,
        sum(revenue) over (
            order by revenue desc, product_id asc
            rows between unbounded preceding and current row
        ) as cumulative_revenue
    from sales
),

shares as (
    select
        sales.product_id,
        round(sales.revenue / nullif(running.total_revenue, 0), 10) as revenue_share,
        round(running.cumulative_revenue / nullif(running.total_revenue, 0), 10) as cumulative_share
    from sales
    inner join running on sales.product_id = running.product_id
)

select
    sales.product_id,
    sales.orders,
    sales.units,
    sales.revenue,
    sales.first_sold_on,
    sales.last_sold_on,
    shares.revenue_share,
    shares.cumulative_share,
    case
        when sales.revenue = 0 then 'C'
        when shares.cumulative_share <= 0.80 then 'A'
        when shares.cumulative_share <= 0.95 then 'B'
        else 'C'
    end as abc_class
from sales
inner join shares on sales.product_id = shares.product_id;
