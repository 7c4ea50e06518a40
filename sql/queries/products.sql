-- name: product^
-- One product as customers see it.
select
    products.product_id,
    products.sku,
    products.name,
    products.category,
    products.price,
    products.attributes
from shop.products
where products.product_id = :product_id;

-- name: stock_levels
-- Stock of these products with the version that says how new it is.
select
    products.product_id,
    products.stock,
    products.stock_version
from shop.products
where products.product_id = any(:product_ids::bigint[]);

-- name: moved_stock
-- Moves of stock whose cache may still be old, the oldest first.
select
    moved_stock.move_id,
    moved_stock.product_id
from shop.moved_stock
order by moved_stock.move_id
limit :most;

-- name: forget_moved_stock!
-- Forgets moves whose cache is refreshed; leaves to another what that one is forgetting.
with refreshed as (
    select moved_stock.move_id
    from shop.moved_stock
    where moved_stock.move_id = any(:move_ids::bigint[])
    for update skip locked
)

delete from shop.moved_stock
using refreshed
where moved_stock.move_id = refreshed.move_id;

-- name: products_with
-- Products whose attributes contain all of the given ones.
select
    products.product_id,
    products.sku,
    products.name,
    products.category,
    products.price,
    products.attributes
from shop.products
where products.attributes @> :attributes::jsonb
order by products.product_id
limit :most;
