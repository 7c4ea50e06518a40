-- Total sales and returns of each product, and its class by share of net sales (ABC analysis, after
-- Pareto).
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
    -- Units ordered: sum of quantity.
    units bigint not null check (units >= 0),
    -- Units given back.
    units_returned bigint not null check (units_returned >= 0),
    -- Shop currency: sum of amount - discount_amount, less the amount of returns; below zero if
    -- returns exceed sales.
    net_sales numeric(30, 2) not null,
    -- Ratio, 10 decimals: units_returned / units; null if never sold; above 1 if more units came
    -- back than this shop has on record as sold.
    return_rate numeric check (return_rate >= 0),
    -- First day on which it was ordered; null if never sold.
    first_sold_on date,
    -- Newest day on which it was ordered; null if never sold.
    last_sold_on date,
    -- Ratio, 10 decimals: net_sales / net_sales of all products, of which those below zero count
    -- as zero; null while no product has any.
    sales_share numeric check (sales_share between 0 and 1),
    -- Ratio, 10 decimals: share of this product and of all with more net_sales, ties by
    -- product_id; null while no product has any.
    cumulative_share numeric check (cumulative_share between 0 and 1),
    -- A while cumulative_share is at most 0.80, B while it is at most 0.95, otherwise C; C
    -- without net_sales above zero.
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
        units_returned,
        net_sales
    from analytics.product_daily_sales
),

sold as (
    select
        product_id,
        sum(orders) as orders,
        sum(units) as units,
        sum(units_returned) as units_returned,
        sum(net_sales) as net_sales,
        min(day) filter (where orders > 0) as first_sold_on,
        max(day) filter (where orders > 0) as last_sold_on
    from product_days
    group by product_id
),

sales as (
    select
        products.product_id,
        coalesce(sold.orders, 0)::bigint as orders,
        coalesce(sold.units, 0)::bigint as units,
        coalesce(sold.units_returned, 0)::bigint as units_returned,
        coalesce(sold.net_sales, 0) as net_sales,
        greatest(sold.net_sales, 0) as shared_sales,
        sold.first_sold_on,
        sold.last_sold_on
    from products
    left join sold on products.product_id = sold.product_id
),

running as (
    select
        product_id,
        sum(shared_sales) over () as total_sales,
        sum(shared_sales) over (
            order by net_sales desc, product_id asc
            rows between unbounded preceding and current row
        ) as cumulative_sales
    from sales
),

shares as (
    select
        sales.product_id,
        round(sales.shared_sales / nullif(running.total_sales, 0), 10) as sales_share,
        round(running.cumulative_sales / nullif(running.total_sales, 0), 10) as cumulative_share
    from sales
    inner join running on sales.product_id = running.product_id
)

select
    sales.product_id,
    sales.orders,
    sales.units,
    sales.units_returned,
    sales.net_sales,
    round(sales.units_returned::numeric / nullif(sales.units, 0), 10) as return_rate,
    sales.first_sold_on,
    sales.last_sold_on,
    shares.sales_share,
    shares.cumulative_share,
    case
        when sales.net_sales <= 0 then 'C'
        when shares.cumulative_share <= 0.80 then 'A'
        when shares.cumulative_share <= 0.95 then 'B'
        else 'C'
    end as abc_class
from sales
inner join shares on sales.product_id = shares.product_id;
