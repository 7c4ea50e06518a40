-- Northwind: Microsoft's sample of a trader in food, as one CSV file per table. What is read are orders,
-- their details, customers, products and categories.
-- https://github.com/microsoft/sql-server-samples/tree/master/samples/databases/northwind-pubs
-- https://github.com/neo4j-contrib/northwind-neo4j/tree/master/data (CSV, as in the original: OrderID)
-- https://github.com/pthom/northwind_psql (for PostgreSQL, of which many CSV copies are: order_id)
--
-- A column's name is looked up without regard to capitals, so `orderID` is OrderID; its other name, with
-- underscores, is declared too, and the queries take the one that is there. `Discount` is a rate, on
-- single lines; `Freight` is the order's. What is in stock has no day of delivery, and is not taken over.
-- Prices are in dollars: set ECOM_CURRENCY=USD. Copies for PostgreSQL hold them as floating point
-- (34.7999992), so numbers are rounded: prices of a line to four decimals, other money to the cent.
--
-- [orders]
-- files = ["[Oo]rders*"]
-- key = ["OrderID", "order_id"]
-- optional = [
--     "OrderID", "CustomerID", "OrderDate", "Freight",
--     "order_id", "customer_id", "order_date",
-- ]
-- nulls = ["NULL"]
-- sales = 'number("Freight")'
--
-- [details]
-- files = ["[Oo]rder[_ -][Dd]etails*", "[Oo]rder[Dd]etails*"]
-- key = ["OrderID", "order_id"]
-- optional = [
--     "OrderID", "ProductID", "UnitPrice", "order_id", "product_id", "unit_price",
-- ]
-- nulls = ["NULL"]
-- sales = '''
--     round(number("Quantity") * number(coalesce("UnitPrice", unit_price)), 2)
--     - round(number("Quantity") * number(coalesce("UnitPrice", unit_price)) * number("Discount"), 2)
-- '''
--
-- [customers]
-- files = ["[Cc]ustomers*"]
-- key = ["CustomerID", "customer_id"]
-- optional = ["CustomerID", "CompanyName", "customer_id", "company_name"]
-- nulls = ["NULL"]
--
-- [products]
-- files = ["[Pp]roducts*"]
-- key = ["ProductID", "product_id"]
-- optional = [
--     "ProductID", "ProductName", "CategoryID", "UnitPrice", "QuantityPerUnit",
--     "product_id", "product_name", "category_id", "unit_price", "quantity_per_unit",
-- ]
-- nulls = ["NULL"]
--
-- [categories]
-- files = ["[Cc]ategories*"]
-- required = false
-- optional = ["CategoryID", "CategoryName", "category_id", "category_name"]

-- name: customers
-- One row per company; five letters are its id.
select
    customers._record,
    coalesce(customers."CustomerID", customers.customer_id) as customer_id,
    coalesce(customers."CompanyName", customers.company_name) as full_name,
    customers."City" as city,
    country(customers."Country") as country
from customers;

-- name: products
select
    products._record,
    coalesce(products."ProductID", products.product_id) as product_id,
    coalesce(products."ProductID", products.product_id) as sku,
    coalesce(products."ProductName", products.product_name) as name,
    coalesce(categories."CategoryName", categories.category_name, 'UNKNOWN') as category,
    coalesce(
        cast(round(number(coalesce(products."UnitPrice", products.unit_price)), 2) as text),
        products."UnitPrice",
        products.unit_price
    ) as price,
    -- Merging drops what is null.
    json_merge_patch('{}', to_json(struct_pack(
        quantity_per_unit := coalesce(products."QuantityPerUnit", products.quantity_per_unit)
    ))) as attributes
from products
left join categories
    on
        coalesce(products."CategoryID", products.category_id)
        = coalesce(categories."CategoryID", categories.category_id);

-- name: orders
select
    orders._record,
    coalesce(orders."OrderID", orders.order_id) as order_id,
    coalesce(orders."CustomerID", orders.customer_id) as customer_id,
    instant(coalesce(orders."OrderDate", orders.order_date), 'MDY') as placed_at,
    coalesce(cast(round(number(orders."Freight"), 2) as text), orders."Freight") as shipping_amount
from orders;

-- name: sold
-- The details under one name for each column.
select
    details._record,
    coalesce(details."OrderID", details.order_id) as order_id,
    coalesce(details."ProductID", details.product_id) as product_id,
    details."Quantity" as quantity,
    coalesce(details."UnitPrice", details.unit_price) as unit_price,
    details."Discount" as rate
from details;

-- name: order_items
-- What is no number is handed on, and refused.
select
    sold._record,
    sold.order_id,
    row_number() over (partition by sold.order_id order by sold._record) as line_number,
    sold.product_id,
    plain(sold.quantity) as quantity,
    coalesce(cast(number(sold.unit_price) as text), sold.unit_price) as unit_price,
    coalesce(
        cast(round(number(sold.quantity) * number(sold.unit_price) * number(sold.rate), 2) as text),
        sold.rate
    ) as discount_amount
from sold;

-- name: included
-- A category is in its products.
select
    categories._record,
    products._record as in_record
from categories
inner join products
    on
        coalesce(categories."CategoryID", categories.category_id)
        = coalesce(products."CategoryID", products.category_id);

-- name: left_out
select
    categories._record,
    'a category without products' as reason
from categories;
