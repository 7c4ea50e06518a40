-- What each column holds, of those that nothing was said of: the catalog and the documents show it.

comment on column shop.customers.customer_id is 'The customer, by the shop''s own number.';
comment on column shop.customers.city is 'City, as the shop writes it.';

comment on column shop.products.product_id is 'The product, by the shop''s own number.';
comment on column shop.products.sku is 'Stock keeping unit: the shop''s own text for one product.';
comment on column shop.products.name is 'What shoppers see.';
comment on column shop.products.category is 'The one category that it is in.';

comment on column shop.stock_receipts.product_id is 'What was delivered.';
comment on column shop.stock_receipts.received_on is 'UTC day of the delivery.';

comment on column shop.checkouts.cart_id is 'The cart that was decided.';
comment on column shop.checkouts.outcome is 'ordered or rejected.';
comment on column shop.checkouts.order_id is 'The order that the cart became, null when rejected.';

comment on column shop.orders.order_id is
'The order: of an imported one the shop''s own number, of a checkout 10^15 or more.';
comment on column shop.orders.customer_id is 'Who ordered.';

comment on column shop.order_items.order_id is 'The order.';
comment on column shop.order_items.line_number is 'The line within its order, from 1.';
comment on column shop.order_items.product_id is 'What was ordered.';
comment on column shop.order_items.quantity is 'Units ordered.';

comment on column analytics.cart_sightings.cart_id is 'The cart, as in Mongo.';
