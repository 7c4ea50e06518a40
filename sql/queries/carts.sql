-- name: decided_among
-- Which of these carts were decided.
select checkouts.cart_id
from shop.checkouts
where checkouts.cart_id = any(:cart_ids::text[]);
