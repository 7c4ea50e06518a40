-- Every check constraint has a name that tells what it holds: it is what an error message shows.

alter table shop.customers rename constraint customers_customer_id_check to customers_id_positive;
alter table shop.customers
rename constraint customers_country_check to customers_country_is_two_letters;

alter table shop.products rename constraint products_product_id_check to products_id_positive;
alter table shop.products rename constraint products_price_check to products_price_not_negative;
alter table shop.products rename constraint products_stock_check to products_stock_not_negative;
alter table shop.products
rename constraint products_attributes_check to products_attributes_is_an_object;

alter table shop.stock_receipts
rename constraint stock_receipts_quantity_check to stock_receipts_quantity_positive;

alter table shop.checkouts
rename constraint checkouts_outcome_check to checkouts_outcome_is_known;
alter table shop.checkouts rename constraint checkouts_check to checkouts_ordered_has_an_order;
alter table shop.checkouts rename constraint checkouts_check1 to checkouts_rejected_has_a_reason;
alter table shop.checkouts rename constraint checkouts_check2 to checkouts_ordered_has_its_cart;

alter table shop.orders rename constraint orders_order_id_check to orders_id_positive;
alter table shop.orders rename constraint orders_total_amount_check to orders_total_not_negative;

alter table shop.order_items
rename constraint order_items_line_number_check to order_items_line_number_positive;
alter table shop.order_items
rename constraint order_items_quantity_check to order_items_quantity_positive;
alter table shop.order_items
rename constraint order_items_unit_price_check to order_items_unit_price_not_negative;

alter table analytics.cart_sightings
rename constraint cart_sightings_status_check to cart_sightings_status_is_known;
