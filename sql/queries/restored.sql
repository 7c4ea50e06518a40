-- name: units_ordered
-- Units of each product in the orders of these carts.
with ordered as (
    select
        checkouts.cart_id,
        checkouts.order_id,
        shop.day_of(checkouts.submitted_at) as placed_on
    from shop.checkouts
    where
        checkouts.cart_id = any(:cart_ids::text[])
        and checkouts.outcome = 'ordered'
)

select
    ordered.cart_id,
    order_items.product_id,
    sum(order_items.quantity) as units
from ordered
inner join shop.order_items
    on ordered.placed_on = order_items.placed_on and ordered.order_id = order_items.order_id
group by
    ordered.cart_id,
    order_items.product_id;

-- name: undo_stamps!
-- Has the relay see to the effects of these carts again.
update shop.checkouts
set effects_applied_at = null
where checkouts.cart_id = any(:cart_ids::text[]);

-- name: rejections_of
-- What a rejected cart says of itself, for those of these carts.
select
    checkouts.cart_id,
    checkouts.customer_id,
    checkouts.reason,
    checkouts.cart_created_at,
    checkouts.submitted_at
from shop.checkouts
where
    checkouts.cart_id = any(:cart_ids::text[])
    and checkouts.outcome = 'rejected';
