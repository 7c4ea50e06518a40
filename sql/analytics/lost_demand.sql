-- Sales lost for lack of stock: the lines of rejected checkouts that exceeded the stock.
--
-- grain: one row per day and product that a rejected checkout fell short of
-- key: day, product_id
-- refresh: by day
-- depends on: shop.checkouts
-- references: product_id in shop.products

-- name: definition#
create table analytics.lost_demand (
    -- The shop's day on which the carts were submitted.
    day date not null,
    -- The product that was short, as in shop.products.
    product_id bigint not null,
    -- Units that those carts requested, including those that were in stock.
    requested_units bigint not null check (requested_units > 0),
    -- Shop currency: sum of requested units * price at the time of the checkout.
    lost_sales numeric not null check (lost_sales >= 0),
    primary key (day, product_id)
);

-- name: rows
with
checkouts as (
    select
        shop.day_of(submitted_at) as day,
        detail
    from shop.checkouts
    where
        shop.day_of(submitted_at) = any(:days)
        and reason = 'insufficient_stock'
),

shortfalls as (
    select
        checkouts.day,
        (lines.line ->> 'product_id')::bigint as product_id,
        (lines.line ->> 'requested')::bigint as requested,
        (lines.line ->> 'unit_price')::numeric as unit_price
    from checkouts
    cross join lateral jsonb_path_query(checkouts.detail, '$.shortfalls[*]') as lines (line)
)

select
    day,
    product_id,
    sum(requested)::bigint as requested_units,
    sum(requested * unit_price) as lost_sales
from shortfalls
group by day, product_id;
