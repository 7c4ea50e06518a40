-- name: stock_sold_by
-- Stock of the products in the orders of these carts.
with keys as materialized (
    select
        checkouts.order_id,
        (checkouts.submitted_at at time zone 'UTC')::date as placed_on
    from shop.checkouts
    where
        checkouts.cart_id = any(:cart_ids::text[])
        and checkouts.outcome = 'ordered'
),

-- One index look-up per order, whatever the planner thinks of the number of orders.
sold as (
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
    ) as items
)

select
    products.product_id,
    products.stock,
    products.stock_version
from shop.products
inner join sold on products.product_id = sold.product_id;

-- name: stamp_effects!
-- Notes that the effects of these carts are done.
update shop.checkouts
set effects_applied_at = clock_timestamp()
where
    checkouts.cart_id = any(:cart_ids::text[])
    and checkouts.effects_applied_at is null;

-- name: effects_lag^
-- How many decided carts have undone effects, and since when the oldest does.
select
    count(*) as undone,
    min(checkouts.decided_at) as oldest
from shop.checkouts
where checkouts.effects_applied_at is null;
