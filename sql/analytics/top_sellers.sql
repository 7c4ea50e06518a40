-- The best-selling products of the last 7 days, the last 30 days and all time, by units less returns in
-- the window. Redis serves this table.
--
-- grain: one row per window and rank, the 100 best of each window
-- key: window_name, rank
-- refresh: whole
-- depends on: analytics.daily_sales, analytics.product_daily_sales
-- references: product_id in shop.products

-- name: definition#
create table analytics.top_sellers (
    -- 7d or 30d: that many days up to and with the newest day in daily_sales; all: every day.
    window_name text not null check (window_name in ('7d', '30d', 'all')),
    -- 1 is best: by units, then net_sales, then product_id.
    rank integer not null check (rank between 1 and 100),
    -- The product, as in shop.products.
    product_id bigint not null,
    -- Units ordered in the window, through both channels, less those given back in it.
    units bigint not null check (units > 0),
    -- Shop currency: net_sales of the window.
    net_sales numeric(30, 2) not null,
    primary key (window_name, rank)
);

-- name: rows
with
newest as (
    select max(day) as day
    from analytics.daily_sales
),

product_days as (
    select
        day,
        product_id,
        units - units_returned as units,
        net_sales
    from analytics.product_daily_sales
),

products as (
    select
        product_days.product_id,
        sum(product_days.units) as units,
        sum(product_days.net_sales) as net_sales,
        sum(product_days.units) filter (where product_days.day > newest.day - 7) as units_7d,
        sum(product_days.net_sales) filter (where product_days.day > newest.day - 7) as net_sales_7d,
        sum(product_days.units) filter (where product_days.day > newest.day - 30) as units_30d,
        sum(product_days.net_sales) filter (where product_days.day > newest.day - 30) as net_sales_30d
    from product_days
    inner join newest on product_days.day <= newest.day
    group by product_days.product_id
),

sold as (
    select
        windows.window_name,
        products.product_id,
        windows.units,
        windows.net_sales
    from products
    cross join
        lateral (
            values
            ('7d', products.units_7d, products.net_sales_7d),
            ('30d', products.units_30d, products.net_sales_30d),
            ('all', products.units, products.net_sales)
        ) as windows (window_name, units, net_sales)
    where windows.units > 0
),

ranked as (
    select
        window_name,
        row_number() over (
            partition by window_name
            order by units desc, net_sales desc, product_id asc
        ) as rank,
        product_id,
        units,
        net_sales
    from sold
)

select
    window_name,
    rank::integer as rank,
    product_id,
    units::bigint as units,
    net_sales
from ranked
where rank <= 100;
