-- Carts on their way to orders, by day. An event counts on its own day: a cart created on Monday and
-- ordered on Tuesday counts as created on Monday, and as submitted and ordered on Tuesday.
--
-- grain: one row per calendar day from the shop's first order or return to its newest, without carts
--   zeros; other days that have carts, too
-- key: day
-- refresh: by day
-- depends on: analytics.cart_sightings, shop.checkouts, shop.products, shop.day_range

-- name: definition#
create table analytics.cart_funnel (
    -- The shop's day of the events.
    day date primary key,
    -- Carts created that day, whatever happened to them later.
    carts_created integer not null check (carts_created >= 0),
    -- Carts submitted that day, whether pending, ordered or rejected.
    carts_submitted integer not null check (carts_submitted >= 0),
    -- Carts submitted that day that became orders.
    orders integer not null check (orders >= 0),
    -- Carts submitted that day that were rejected.
    rejected integer not null check (rejected >= 0),
    -- Carts created that day and still active when last seen, whether or not Mongo still has them.
    abandoned integer not null check (abandoned >= 0),
    -- Ratio, 10 decimals: orders / carts_created; null on a day without new carts, above
    -- 1 where many older carts are ordered.
    conversion_rate numeric check (conversion_rate >= 0),
    -- Shop currency: sum of quantity * price in shop.products at the time of refreshing, over
    -- well-formed lines of the abandoned carts.
    abandoned_value numeric not null check (abandoned_value >= 0)
);

-- name: rows
with
days as (
    select unnest(:days) as day
),

begun_carts as (
    select
        created_on as day,
        status,
        product_ids,
        quantities
    from analytics.cart_sightings
    where created_on = any(:days)
),

submitted_carts as (
    select submitted_on as day
    from analytics.cart_sightings
    where submitted_on = any(:days)
),

checkouts as (
    select
        shop.day_of(submitted_at) as day,
        outcome
    from shop.checkouts
    where shop.day_of(submitted_at) = any(:days)
),

products as (
    select
        product_id,
        price
    from shop.products
),

begun as (
    select
        day,
        count(*) as carts_created,
        count(*) filter (where status = 'active') as abandoned
    from begun_carts
    group by day
),

submitted as (
    select
        day,
        count(*) as carts_submitted
    from submitted_carts
    group by day
),

decided as (
    select
        day,
        count(*) filter (where outcome = 'ordered') as orders,
        count(*) filter (where outcome = 'rejected') as rejected
    from checkouts
    group by day
),

abandoned_lines as (
    select
        begun_carts.day,
        lines.product_id,
        lines.quantity
    from begun_carts
    cross join lateral unnest(begun_carts.product_ids, begun_carts.quantities) as lines (product_id, quantity)
    where begun_carts.status = 'active'
),

abandoned as (
    select
        abandoned_lines.day,
        sum(abandoned_lines.quantity * products.price) as abandoned_value
    from abandoned_lines
    inner join products on abandoned_lines.product_id = products.product_id
    group by abandoned_lines.day
)

select
    days.day,
    coalesce(begun.carts_created, 0)::integer as carts_created,
    coalesce(submitted.carts_submitted, 0)::integer as carts_submitted,
    coalesce(decided.orders, 0)::integer as orders,
    coalesce(decided.rejected, 0)::integer as rejected,
    coalesce(begun.abandoned, 0)::integer as abandoned,
    round(coalesce(decided.orders, 0)::numeric / begun.carts_created, 10) as conversion_rate,
    coalesce(abandoned.abandoned_value, 0) as abandoned_value
from days
cross join shop.day_range
left join begun on days.day = begun.day
left join submitted on days.day = submitted.day
left join decided on days.day = decided.day
left join abandoned on days.day = abandoned.day
where
    days.day between day_range.first_day and day_range.newest_day
    or begun.day is not null
    or submitted.day is not null
    or decided.day is not null;
