-- name: imported_per_day
-- How many orders and items were imported for each of these days that has any.
with imported as (
    select
        orders.placed_on,
        orders.order_id
    from shop.orders
    where
        orders.placed_on = any(:days)
        and orders.channel = 'import'
)

select
    imported.placed_on as day,
    count(distinct imported.order_id) as orders,
    count(*) as items
from imported
inner join shop.order_items
    on
        imported.placed_on = order_items.placed_on
        and imported.order_id = order_items.order_id
group by imported.placed_on;

-- name: outcomes_per_day
-- How the carts submitted on each of these days were decided; the reason is null where ordered.
select
    shop.day_of(checkouts.submitted_at) as day,
    checkouts.reason,
    count(*) as carts
from shop.checkouts
where shop.day_of(checkouts.submitted_at) = any(:days)
group by
    shop.day_of(checkouts.submitted_at),
    checkouts.reason;

-- name: has_schema$
-- Whether the shop's tables are there.
select to_regclass('ops.shop') is not null;

-- name: first_day_of_files$
-- The day of the first order or return of a shop of files; null in any other.
select day_range.first_day
from shop.day_range
where
    exists (
        select 1
        from ops.shop
        where shop.source = 'files'
    );
