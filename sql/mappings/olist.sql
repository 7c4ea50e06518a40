-- The Brazilian e-commerce data of Olist: a marketplace's orders of 2016 to 2018, in nine files of which
-- five are read here (payments, reviews, sellers and places say nothing that a shop's tables ask for).
-- https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce
--
-- An instant is Sao Paulo's time, so set ECOM_TIMEZONE=America/Sao_Paulo before the first load, and
-- ECOM_CURRENCY=BRL. A line is one unit of a product, with its own freight. `customer_id` is another one
-- for each order; who buys again is known by `customer_unique_id`.
--
-- An order that was canceled, or found unavailable, was sold and is given back whole, at the latest
-- instant that its record has. One without items was never of anything, and one that is only `created`
-- is not approved yet: both are left out.
--
-- [orders]
-- files = ["olist_orders_dataset*"]
-- key = ["order_id"]
--
-- [items]
-- files = ["olist_order_items_dataset*"]
-- key = ["order_id"]
-- sales = 'number(price) + coalesce(number(freight_value), 0)'
-- returns = '''case
--     when order_id in (
--         select orders.order_id from orders where orders.order_status in ('canceled', 'unavailable')
--     ) then number(price) + coalesce(number(freight_value), 0)
--     else 0
-- end'''
--
-- [customers]
-- files = ["olist_customers_dataset*"]
-- key = ["customer_id"]
--
-- [products]
-- files = ["olist_products_dataset*"]
-- key = ["product_id"]
--
-- [translations]
-- files = ["product_category_name_translation*"]
-- required = false
-- optional = ["product_category_name", "product_category_name_english"]

-- name: sold
-- Each line with what its order says.
select
    items._record,
    items.order_id,
    items.order_item_id,
    items.product_id,
    items.price,
    items.freight_value,
    orders.order_purchase_timestamp,
    coalesce(orders.order_status, '') as status
from items
left join orders on items.order_id = orders.order_id;

-- name: freight
-- What an order's freight comes to. One that is no number is handed on, so that the order is refused.
select
    sold.order_id,
    coalesce(
        min(sold.freight_value) filter (where number(sold.freight_value) is null),
        cast(sum(number(sold.freight_value)) as text)
    ) as amount
from sold
group by sold.order_id;

-- name: customers
-- One row per person, who lives where the newest order went.
select
    min(customers._record) as _record,
    customers.customer_unique_id as customer_id,
    arg_max(customers.customer_city, orders.order_purchase_timestamp) as city,
    'BR' as country
from customers
left join orders on customers.customer_id = orders.customer_id
group by customers.customer_unique_id;

-- name: prices
-- What a product last cost.
select
    sold.product_id,
    arg_max(number(sold.price), (sold.order_purchase_timestamp, sold._record)) as price
from sold
group by sold.product_id;

-- name: products
-- The data tell no names, only how long they are. A category without a translation keeps its own name.
select
    products._record,
    products.product_id,
    products.product_id as sku,
    coalesce(
        translations.product_category_name_english, products.product_category_name, 'UNKNOWN'
    ) as category,
    replace(category, '_', ' ') || ' ' || left(products.product_id, 8) as name,
    coalesce(prices.price, 0) as price
from products
left join translations on products.product_category_name = translations.product_category_name
left join prices on products.product_id = prices.product_id;

-- name: orders
-- A customer who is not in the file of customers is named as the order has it, and so refused.
select
    orders._record,
    orders.order_id,
    coalesce(customers.customer_unique_id, orders.customer_id) as customer_id,
    instant(orders.order_purchase_timestamp, 'YMD', 'America/Sao_Paulo') as placed_at,
    freight.amount as shipping_amount
from orders
inner join freight on orders.order_id = freight.order_id
left join customers on orders.customer_id = customers.customer_id
where coalesce(orders.order_status, '') <> 'created';

-- name: order_items
select
    sold._record,
    sold.order_id,
    sold.order_item_id as line_number,
    sold.product_id,
    1 as quantity,
    plain(sold.price) as amount
from sold
where sold.status <> 'created';

-- name: given_back
-- Orders that came to nothing, with the latest instant that is known of each.
select
    orders._record,
    orders.order_id,
    instant(
        greatest(
            orders.order_purchase_timestamp,
            orders.order_approved_at,
            orders.order_delivered_carrier_date,
            orders.order_delivered_customer_date
        ),
        'YMD',
        'America/Sao_Paulo'
    ) as returned_at
from orders
where orders.order_status in ('canceled', 'unavailable');

-- name: returns
-- Every line of such an order, and its freight as a row without a product.
select
    sold._record,
    sold.order_id as return_id,
    sold.order_item_id as line_number,
    given_back.returned_at,
    sold.order_id,
    sold.order_item_id as order_line_number,
    sold.product_id,
    1 as quantity,
    plain(sold.price) as amount
from sold
inner join given_back on sold.order_id = given_back.order_id
union all
select
    given_back._record,
    freight.order_id as return_id,
    '1000000' as line_number,
    given_back.returned_at,
    freight.order_id,
    null as order_line_number,
    null as product_id,
    0 as quantity,
    freight.amount
from freight
inner join given_back on freight.order_id = given_back.order_id
where freight.amount is not null;

-- name: included
-- Records that add to the row of another one: a person's other orders, and names of categories.
select
    customers._record,
    min(customers._record) over (partition by customers.customer_unique_id) as in_record
from customers
union all
select
    translations._record,
    products._record as in_record
from translations
inner join products on translations.product_category_name = products.product_category_name;

-- name: left_out
select
    orders._record,
    'an order without items' as reason
from orders
where
    orders.order_id not in (
        select sold.order_id from sold
        where sold.order_id is not null
    )
union all
select
    orders._record,
    'an order that is not approved' as reason
from orders
inner join freight on orders.order_id = freight.order_id
where orders.order_status = 'created'
union all
select
    sold._record,
    'an order that is not approved' as reason
from sold
where sold.status = 'created'
union all
select
    translations._record,
    'the name of a category without a product' as reason
from translations;
