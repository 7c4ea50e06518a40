-- name: decided_carts
-- What was decided of these carts, and whether its effects are applied.
select
    checkouts.cart_id,
    checkouts.outcome,
    checkouts.effects_applied_at is not null as settled
from shop.checkouts
where checkouts.cart_id = any(:cart_ids::text[]);

-- name: settled_rejections
-- Carts that were rejected on these days and whose effects are applied.
select checkouts.cart_id
from shop.checkouts
where
    checkouts.outcome = 'rejected'
    and checkouts.effects_applied_at is not null
    -- Without a time of submission it lies on no day, and counts when all are asked for.
    and coalesce(shop.day_of(checkouts.submitted_at), date '0001-01-01')
    between :first_day and :last_day;

-- name: products_with_undone_effects
-- Products whose cached stock may be behind: effects of a checkout, or of a delivery, are undone.
select order_items.product_id
from shop.checkouts
inner join shop.order_items on checkouts.order_id = order_items.order_id
where checkouts.effects_applied_at is null
union
select moved_stock.product_id
from shop.moved_stock;

-- name: all_stock
-- Stock of every product with its version.
select
    products.product_id,
    products.stock,
    products.stock_version
from shop.products;
