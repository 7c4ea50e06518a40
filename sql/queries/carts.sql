-- name: decided_among
-- Which of these carts were decided.
select checkouts.cart_id
from shop.checkouts
where checkouts.cart_id = any(:cart_ids::text[]);

-- name: note_changed_days$
-- Notes that carts of these days are new in Mongo, of which no trigger knows.
select ops.note_changed_days(:days::date[]);
