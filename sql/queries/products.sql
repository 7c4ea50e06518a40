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
