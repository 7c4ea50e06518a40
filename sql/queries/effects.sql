-- name: undone_carts
-- Carts whose effects may still be undone, the oldest first.
select checkouts.cart_id
from shop.checkouts
where
    checkouts.effects_applied_at is null
    and checkouts.decided_at <= clock_timestamp() - :least_age::interval
order by
    checkouts.decided_at,
    checkouts.cart_id;

-- name: products_sold_by
-- Products in the orders of these carts.
with keys as materialized (
    select
        checkouts.order_id,
        shop.day_of(checkouts.submitted_at) as placed_on
    from shop.checkouts
    where
        checkouts.cart_id = any(:cart_ids::text[])
        and checkouts.outcome = 'ordered'
)

-- One index look-up per order, whatever the planner thinks of the number of orders.
select distinct items.product_id
from keys
cross join lateral (
    select order_items.product_id
    from shop.order_items
    where
        order_items.placed_on = keys.placed_on
        and order_items.order_id = keys.order_id
    order by order_items.line_number
    offset 0
) as items;

-- name: stamp_effects!
-- Notes that the effects of these carts are done; leaves to another what that one is noting.
with undone as (
    select checkouts.cart_id
    from shop.checkouts
    where
        checkouts.cart_id = any(:cart_ids::text[])
        and checkouts.effects_applied_at is null
    for no key update skip locked
)

update shop.checkouts
set effects_applied_at = clock_timestamp()
from undone
where checkouts.cart_id = undone.cart_id;

-- name: effects_lag^
-- How many decided carts and moves of stock have undone effects, and since when the oldest does.
with waiting as (
    select checkouts.decided_at as since
    from shop.checkouts
    where checkouts.effects_applied_at is null
    union all
    select moved_stock.moved_at as since
    from shop.moved_stock
)

select
    count(*) as undone,
    min(waiting.since) as oldest
from waiting;
