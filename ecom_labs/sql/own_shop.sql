-- name: empty_shop#
-- Forgets everything that a shop holds.
truncate shop.customers cascade;
truncate shop.products cascade;
truncate shop.checkouts cascade;

-- name: add_customers!
-- Customers with these ids.
insert into shop.customers (customer_id, email, full_name, city, country, signed_up_at)
select
    ids.customer_id,
    ids.customer_id || '@example.com' as email,
    'Customer ' || ids.customer_id as full_name,
    'Lyon' as city,
    'FR' as country,
    '2025-01-01' as signed_up_at
from unnest(:customer_ids::bigint[]) as ids (customer_id);

-- name: add_products!
-- Products with these ids and this stock, none of it delivered yet.
insert into shop.products (product_id, sku, name, category, price, stock, stock_version)
select
    stocked.product_id,
    'SKU-' || stocked.product_id as sku,
    'Product ' || stocked.product_id as name,
    'Things' as category,
    stocked.product_id as price,
    stocked.units as stock,
    1 as stock_version
from unnest(:product_ids::bigint[], :units::integer[]) as stocked (product_id, units);

-- name: add_receipts!
-- Their delivery.
insert into shop.stock_receipts (product_id, received_on, quantity)
select
    products.product_id,
    '2025-01-01' as received_on,
    products.stock as quantity
from shop.products
where products.stock > 0;
