-- name: customers
-- Customers, up to so many.
select customers.customer_id
from shop.customers
order by customers.customer_id
limit :most;

-- name: products
-- Products, up to so many.
select products.product_id
from shop.products
order by products.product_id
limit :most;
