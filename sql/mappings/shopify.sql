-- Shopify: the orders export (Orders > Export), with all its orders or those of some days.
-- https://help.shopify.com/en/manual/fulfillment/managing-orders/exporting-orders
--
-- One line per line item. What belongs to the order as a whole, from `Financial Status` to `Id`, stands
-- on its first line only; `Name` stands on every one. Prices are before discounts, `Subtotal` is after
-- them, and in a shop whose prices include tax, `Taxes` is part of both.
--
-- - A buyer is an e-mail address; an order without one is a guest's.
-- - A product is its SKU, else its name.
-- - All orders count that are not cancelled, paid or not, as in Shopify's own reports.
-- - An order that was cancelled, or of which all money went back, was sold and given back: its lines,
--   its shipping and its tax. Of any other refund the export tells the amount alone. When it was, it
--   tells of cancelled orders only; else it is the last that is known of the order.
-- - An order's discounts are spread over its lines, and taken off them together with their own.
--
-- Shopify takes orders that were deleted out of later exports: load those with --replace-days.
--
-- [lines]
-- files = ["orders_export*"]
-- key = ["Name"]
-- nulls = [""]
-- optional = ["Cancelled at", "Duties", "Lineitem discount", "Refunded Amount", "Vendor"]
-- sales = '''number(coalesce("Total", '0'))'''
-- returns = '''case
--     when number("Refunded Amount") = 0 or "Refunded Amount" is null then case
--         when "Cancelled at" is not null or "Financial Status" in ('voided', 'expired')
--             then number(coalesce("Total", '0'))
--         else 0
--     end
--     else number("Refunded Amount")
-- end'''

-- name: items
-- The lines, numbered within their order, with what they come to.
select
    lines._record,
    lines."Name" as order_id,
    row_number() over (partition by lines."Name" order by lines._record) as line_number,
    -- With a word before it, so that no SKU is taken for a number: 0012 would be 12.
    coalesce('SKU ' || lines."Lineitem sku", 'Name ' || lines."Lineitem name") as product_id,
    coalesce(lines."Lineitem sku", lines."Lineitem name") as sku,
    lines."Lineitem name" as product_name,
    lines."Vendor" as vendor,
    lines."Lineitem quantity" as quantity,
    lines."Lineitem price" as unit_price,
    lines."Lineitem discount" as discount,
    lines."Created at" as placed_at,
    number(coalesce(lines."Lineitem discount", '0')) as own_discount,
    try_cast(
        cast(number(lines."Lineitem quantity") as decimal(38, 4)) * number(lines."Lineitem price")
        as decimal(32, 4)
    )
    - own_discount as amount
from lines;

-- name: goods
-- What the lines of each order come to, as far as they can be read.
select
    items.order_id,
    min(items._record) as _record,
    count(*) as line_count,
    bool_and(items.amount is not null) as are_readable,
    coalesce(sum(items.amount), 0) as amount,
    coalesce(sum(items.own_discount), 0) as own_discounts
from items
group by items.order_id;

-- name: heads
-- The first line of each order, in numbers.
select
    goods._record,
    goods.order_id,
    goods.line_count,
    goods.amount,
    lower(lines."Email") as customer_id,
    lines."Created at" as placed_at,
    number(lines."Total") as total,
    number(lines."Taxes") as taxes,
    number(lines."Shipping") + number(coalesce(lines."Duties", '0')) as shipping,
    number(lines."Total") - number(lines."Subtotal") as on_top,
    -- What is off the order beside the discounts of its lines. The export does not say whether
    -- `Discount Amount` has those in it, or whether it is off the shipping: the subtotal tells.
    case
        when not goods.are_readable then number(lines."Discount Amount")
        when goods.amount + goods.own_discounts - number(lines."Discount Amount") = number(lines."Subtotal")
            then number(lines."Discount Amount") - goods.own_discounts
        when goods.amount = number(lines."Subtotal") then 0
        else number(lines."Discount Amount")
    end as discount,
    number(coalesce(lines."Refunded Amount", '0')) as refunded,
    lines."Cancelled at" is not null or lines."Financial Status" in ('voided', 'expired')
        as is_cancelled
from goods
inner join lines on goods._record = lines._record;

-- name: customers
-- Each buyer, as the newest order says.
select
    lines._record,
    heads.customer_id,
    lines."Email" as email,
    lines."Billing Name" as full_name,
    lines."Billing City" as city,
    country(lines."Billing Country") as country
from heads
inner join lines on heads._record = lines._record
where heads.customer_id is not null
qualify
    row_number() over (
        partition by heads.customer_id
        order by
            heads.placed_at desc,
            heads._record desc
    ) = 1;

-- name: products
-- Each product at its newest price that can be read.
select
    items._record,
    items.product_id,
    items.sku,
    items.product_name as name,
    'UNKNOWN' as category,
    plain(items.unit_price) as price,
    case when items.vendor is not null then json_object('vendor', items.vendor) end as attributes
from items
where
    items.product_id is not null
    and number(items.quantity) is distinct from 0
qualify
    row_number() over (
        partition by items.product_id
        order by
            number(items.unit_price) is null,
            items.placed_at desc,
            items._record desc
    ) = 1;

-- name: orders
-- Each order. Its total stands beside all that it is made of, so that one that does not add up is
-- refused.
select
    heads._record,
    heads.order_id,
    heads.customer_id,
    heads.placed_at,
    -- Spread over the lines, below, where it can be read.
    case when heads.discount is null then lines."Discount Amount" end as discount_amount,
    coalesce(cast(heads.shipping as text), lines."Shipping") as shipping_amount,
    -- Prices include tax where nothing but the shipping is on top of the subtotal.
    case when heads.on_top = heads.shipping then '0' else plain(lines."Taxes") end as tax_amount,
    coalesce(plain(lines."Total"), 'none') as total_amount,
    lines."Currency" as currency
from heads
inner join lines on heads._record = lines._record;

-- name: discounted
-- The lines, with their share of their order's discount.
with running as (
    select
        items.*,
        heads.discount as of_order,
        heads.amount as all_lines,
        sum(items.amount) over (partition by items.order_id order by items.line_number) as so_far
    from items
    inner join heads on items.order_id = heads.order_id
)

select
    running._record,
    running.order_id,
    running.line_number,
    running.product_id,
    running.quantity,
    running.unit_price,
    running.discount,
    running.amount,
    running.own_discount,
    coalesce(share(running.of_order, running.amount, running.so_far, running.all_lines), 0) as share
from running
-- Lines of no units were taken off the order again.
where number(running.quantity) is distinct from 0;

-- name: order_items
-- The lines at their prices before discounts.
select
    discounted._record,
    discounted.order_id,
    discounted.line_number,
    discounted.product_id,
    plain(discounted.quantity) as quantity,
    plain(discounted.unit_price) as unit_price,
    coalesce(cast(discounted.own_discount + discounted.share as text), discounted.discount)
        as discount_amount
from discounted;

-- name: given_back
-- The orders of which money went back, or that were cancelled before any was paid.
select
    heads._record,
    heads.order_id,
    heads.line_count,
    heads.total,
    heads.shipping,
    case when heads.on_top = heads.shipping then 0 else heads.taxes end as tax,
    case when heads.refunded = 0 then heads.total else heads.refunded end as amount,
    lines."Refunded Amount" as amount_said,
    coalesce(
        lines."Cancelled at", greatest(lines."Created at", lines."Paid at", lines."Fulfilled at")
    ) as returned_at
from heads
inner join lines on heads._record = lines._record
where heads.is_cancelled or heads.refunded is distinct from 0;

-- name: returns
-- Of an order that was given back whole, its lines, and beside them its shipping and its tax. Of any
-- other the amount alone, of which as much is tax as of the total.
with back as materialized (
    select
        given_back.*,
        try_cast(
            round(cast(given_back.amount as double) * given_back.tax / nullif(given_back.total, 0), 2)
            as decimal(14, 2)
        ) as tax_back
    from given_back
),

sold as materialized (
    select *
    from discounted
)

select
    discounted._record,
    given_back.order_id as return_id,
    discounted.line_number,
    given_back.returned_at,
    given_back.order_id,
    discounted.line_number as order_line_number,
    plain(discounted.quantity) as quantity,
    cast(discounted.amount - discounted.share as text) as amount,
    '0' as tax_amount
from back as given_back
inner join sold as discounted on given_back.order_id = discounted.order_id
where given_back.amount = given_back.total
union all
select
    given_back._record,
    given_back.order_id as return_id,
    given_back.line_count + 1 as line_number,
    given_back.returned_at,
    given_back.order_id,
    null as order_line_number,
    '0' as quantity,
    cast(given_back.shipping as text) as amount,
    cast(given_back.tax as text) as tax_amount
from back as given_back
where given_back.amount = given_back.total and given_back.shipping + given_back.tax > 0
union all
select
    given_back._record,
    given_back.order_id as return_id,
    given_back.line_count + 1 as line_number,
    given_back.returned_at,
    given_back.order_id,
    null as order_line_number,
    '0' as quantity,
    coalesce(cast(given_back.amount - given_back.tax_back as text), given_back.amount_said) as amount,
    cast(given_back.tax_back as text) as tax_amount
from back as given_back
where given_back.amount is distinct from given_back.total;

-- name: left_out
-- Lines that were taken off their order again.
select
    lines._record,
    'no units are left of it' as reason
from lines
where number(lines."Lineitem quantity") = 0;
