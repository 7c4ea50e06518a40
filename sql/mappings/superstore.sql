-- Sample Superstore: four years of a made-up American shop, which comes with Tableau. One flat sheet of
-- lines, and a sheet that names returned orders.
-- https://www.tableau.com/learn/articles/free-public-data-sets
-- https://www.kaggle.com/datasets/vivek468/superstore-dataset-final
--
-- `Sales` is what a line came to after its discount, and `Discount` a rate: the line's amount before it is
-- Sales / (1 - Discount). Each line is rounded to the cent. Days are month first (11/8/2016) or year
-- first; for a copy with the day first, change 'MDY' below to 'DMY'. Set ECOM_CURRENCY=USD.
--
-- 32 of the ids of products stand for two products each, so a product is an id with a name.
--
-- [lines]
-- files = ["*[Ss]uperstore*", "[Oo]rders*"]
-- key = ["Order ID"]
-- optional = ["Country", "Country/Region", "Discount", "Segment"]
-- sales = 'number("Sales")'
-- returns = '''case
--     when "Order ID" in (select returned."Order ID" from returned) then number("Sales")
--     else 0
-- end'''
--
-- [returned]
-- files = ["[Rr]eturn*"]
-- required = false
-- optional = ["Order ID"]

-- name: sold
-- The lines with their numbers. One that cannot be read stays text, so that it is refused.
select
    lines._record,
    lines."Order ID" as order_id,
    day(lines."Order Date", 'MDY') as ordered_on,
    day(lines."Ship Date", 'MDY') as shipped_on,
    lines."Customer ID" as customer_id,
    lines."Customer Name" as customer_name,
    lines."City" as city,
    country(coalesce(lines."Country", lines."Country/Region")) as country,
    lines."Product ID" || '-' || left(md5(lines."Product Name"), 8) as product_id,
    lines."Product Name" as product_name,
    lines."Category" as category,
    lines."Sub-Category" as kind,
    plain(lines."Quantity") as quantity,
    row_number() over (partition by lines."Order ID" order by lines._record) as line_number,
    number(coalesce(lines."Discount", '0')) as rate,
    cast(round(number(lines."Sales"), 2) as decimal(18, 2)) as net,
    coalesce(
        try_cast(round(number(lines."Sales") / nullif(1 - rate, 0), 2) as decimal(18, 2)), net
    ) as gross,
    coalesce(cast(gross as text), lines."Sales") as amount,
    if(rate is null, lines."Discount", cast(gross - net as text)) as discount_amount
from lines;

-- name: customers
-- Who bought, and where the newest order went.
select
    min(sold._record) as _record,
    sold.customer_id,
    arg_max(sold.customer_name, (sold.ordered_on, sold._record)) as full_name,
    arg_max(sold.city, (sold.ordered_on, sold._record)) as city,
    arg_max(sold.country, (sold.ordered_on, sold._record)) as country
from sold
group by sold.customer_id;

-- name: products
-- Its price is that of a unit before discounts, when it was last sold.
select
    min(sold._record) as _record,
    sold.product_id,
    sold.product_id as sku,
    sold.product_name as name,
    coalesce(arg_max(sold.category, sold._record), 'UNKNOWN') as category,
    coalesce(
        round(arg_max(sold.gross / nullif(number(sold.quantity), 0), (sold.ordered_on, sold._record)), 2), 0
    ) as price,
    to_json(struct_pack(sub_category := arg_max(sold.kind, sold._record))) as attributes
from sold
group by
    sold.product_id,
    sold.product_name;

-- name: orders
select
    min(sold._record) as _record,
    sold.order_id,
    min(sold.customer_id) as customer_id,
    min(sold.ordered_on) as placed_at
from sold
group by sold.order_id;

-- name: order_items
select
    sold._record,
    sold.order_id,
    sold.line_number,
    sold.product_id,
    sold.quantity,
    sold.amount,
    sold.discount_amount
from sold;

-- name: returns
-- The sheet says only that an order came back, so all of it did, and at the earliest when it was shipped.
select
    sold._record,
    sold.order_id as return_id,
    sold.line_number,
    max(sold.shipped_on) over (partition by sold.order_id) as returned_at,
    sold.order_id,
    sold.line_number as order_line_number,
    sold.product_id,
    sold.quantity,
    sold.net as amount
from sold
where sold.order_id in (select returned."Order ID" from returned);

-- name: included
-- A record of the sheet of returns is in the returns of its order; some orders stand there twice.
select
    returned._record,
    sold._record as in_record
from returned
inner join sold on returned."Order ID" = sold.order_id
where sold.line_number = 1;

-- name: left_out
select
    returned._record,
    'a return of an order that is not in the files' as reason
from returned;
