-- What could not be sold for want of stock: the short lines of rejected checkouts.
--
-- grain: one row per day and product that a rejected checkout fell short of
-- key: day, product_id
-- refresh: by day
-- depends on: shop.checkouts

-- name: definition#
create table analytics.lost_demand (
    day date not null,
    product_id bigint not null,
    requested_units bigint not null,
    lost_revenue numeric not null,
    primary key (day, product_id),
    constraint lost_demand_requested_units_positive check (requested_units > 0),
    constraint lost_demand_lost_revenue_not_negative check (lost_revenue >= 0)
);

-- name: comments#
comment on table analytics.lost_demand is
'One row per day and product that a checkout rejected for insufficient_stock fell short of.';
comment on column analytics.lost_demand.day is 'UTC day on which the carts were submitted.';
comment on column analytics.lost_demand.product_id is 'The product that was short, as in shop.products.';
comment on column analytics.lost_demand.requested_units is
'Units that those carts asked for, whether or not a part of them was there.';
comment on column analytics.lost_demand.lost_revenue is
'Shop currency: sum of requested units * price at the time of the checkout.';

-- name: rows
with
checkouts as (
    select
        (submitted_at at time zone 'UTC')::date as day,
        detail
    from shop.checkouts
    where
        (submitted_at at time zone 'UTC')::date = any(:days)
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
    sum(requested * unit_price) as lost_revenue
from shortfalls
group by day, product_id;
