-- WooCommerce: the orders of Customer / Order / Coupon Export, in the format `Default - One Row per Item`.
-- https://woocommerce.com/document/ordercustomer-csv-exporter/
-- https://woocommerce.com/document/ordercustomer-csv-export-developer-documentation/ (column names)
--
-- The download of Analytics > Orders has no prices and no lines (`2x Mug, 1x Tea` in one cell), so it
-- cannot be loaded; WooCommerce's own extension has both. One line per line item; what belongs to the
-- order as a whole stands on each of them. Money is without tax and tax is on top, whatever the shop
-- shows; `item_subtotal` is before coupons, `item_total` after them. A value that begins with a minus
-- has an apostrophe before it.
--
-- - A buyer is an e-mail address, for the same person buys with an account and without; without one it
--   is the account, and without that a guest.
-- - A product is its SKU, else its number, else (of a product that was deleted) its name.
-- - Orders that are not paid (pending, failed, drafts) are left out, as in WooCommerce's Analytics. One
--   that was cancelled was sold and given back, and so is one of which all money went back.
-- - Of other refunds the export tells what went back of each line; what is beyond them is shipping, or
--   money for nothing in particular. When it was is the day of the last refund, else that of the order.
-- - Lines are rounded to the cent, and the total may be another sum: up to half a cent for each number
--   that is in it is counted as tax.
-- - A fee below zero is a discount, and spread over the lines.
--
-- Orders that fail after they were loaded, or are deleted: load those days with --replace-days.
--
-- [lines]
-- files = ["orders*"]
-- key = ["order_id"]
-- nulls = [""]
-- optional = [
--     "date", "order_date", "fee_total", "item_refunded", "item_refunded_qty", "item_product_id",
--     "item_sku", "refunded_total", "refunds",
-- ]
-- sales = '''case
--     when row_number() over (partition by "order_id", _file order by _record) = 1
--         then number("order_total")
--     else 0
-- end'''
-- returns = '''case
--     when row_number() over (partition by "order_id", _file order by _record) > 1 then 0
--     when number(coalesce("refunded_total", '0')) = 0 then case
--         when "status" in ('cancelled', 'refunded', 'wc-cancelled', 'wc-refunded')
--             then number("order_total")
--         else 0
--     end
--     else number("refunded_total")
-- end'''

-- name: items
-- The lines, numbered within their order, with their money in numbers.
select
    lines._record,
    lines.order_id,
    row_number() over (partition by lines.order_id order by lines._record) as line_number,
    -- With a word before it, so that no SKU is taken for a number: 0012 would be 12.
    coalesce(
        'SKU ' || nullif(lines.item_sku, 'unknown_product'),
        'Product ' || nullif(lines.item_product_id, '0'),
        'Name ' || lines.item_name
    ) as product_id,
    lines.item_name as product_name,
    lines.item_quantity as quantity,
    lines.item_subtotal as subtotal_said,
    lines.item_total as total_said,
    lines.item_refunded as refunded_said,
    lines.item_refunded_qty as refunded_units_said,
    coalesce(lines.order_date, lines.date) as placed_at,
    number(lines.item_total) as total,
    -- Whoever edits an order may make a line dearer than its products were.
    case
        when number(lines.item_subtotal) < number(lines.item_total) then number(lines.item_total)
        else number(lines.item_subtotal)
    end as amount,
    number(coalesce(lines.item_total_tax, '0')) as tax,
    number(coalesce(lines.item_refunded, '0')) as refunded,
    abs(number(coalesce(ltrim(lines.item_refunded_qty, ''''), '0'))) as refunded_units,
    -- Of the order as a whole.
    lower(lines.billing_email) as email,
    nullif(lines.customer_id, '0') as account,
    regexp_replace(lines.status, '^wc-', '') as status,
    lines.order_currency as currency,
    coalesce(lines.shipping_total, '0') as shipping,
    coalesce(ltrim(lines.fee_total, ''''), '0') as fees,
    coalesce(lines.tax_total, '0') as taxes,
    coalesce(lines.order_total, 'none') as order_total,
    coalesce(lines.refunded_total, '0') as order_refunded,
    lines.refunds
from lines;

-- name: said
-- What the lines of each order say of it as a whole, and what they come to as far as they can be read.
-- Where they do not agree, it is both of what they say, which is then no number.
select
    min(items._record) as _record,
    items.order_id,
    count(*) as line_count,
    concat_ws(' or ', min(items.email), nullif(max(items.email), min(items.email))) as email,
    concat_ws(' or ', min(items.account), nullif(max(items.account), min(items.account))) as account,
    concat_ws(' or ', min(items.status), nullif(max(items.status), min(items.status))) as status,
    concat_ws(' or ', min(items.placed_at), nullif(max(items.placed_at), min(items.placed_at)))
        as placed_at,
    concat_ws(' or ', min(items.currency), nullif(max(items.currency), min(items.currency)))
        as currency,
    concat_ws(' or ', min(items.shipping), nullif(max(items.shipping), min(items.shipping)))
        as shipping,
    concat_ws(' or ', min(items.fees), nullif(max(items.fees), min(items.fees))) as fees,
    concat_ws(' or ', min(items.taxes), nullif(max(items.taxes), min(items.taxes))) as tax,
    concat_ws(' or ', min(items.order_total), nullif(max(items.order_total), min(items.order_total)))
        as total,
    concat_ws(' or ', min(items.order_refunded), nullif(max(items.order_refunded), min(items.order_refunded)))
        as refunded,
    max(items.refunds) as refunds,
    coalesce(sum(items.total), 0) as amount,
    coalesce(sum(items.refunded), 0) as refunded_goods,
    coalesce(
        try_cast(
            sum(round(cast(items.tax as double) * items.refunded / nullif(items.total, 0), 2))
            as decimal(14, 2)
        ),
        0
    ) as refunded_tax
from items
group by items.order_id;

-- name: heads
-- The orders that count, in numbers.
select
    said.*,
    coalesce(nullif(said.email, ''), 'account ' || nullif(said.account, '')) as buyer,
    number(said.total) as total_amount,
    number(said.refunded) as refunded_amount,
    number(said.fees) as fee_amount,
    number(said.shipping) + case when fee_amount > 0 then fee_amount else 0 end as shipping_amount,
    case when fee_amount < 0 then -fee_amount else 0 end as discount,
    number(said.total) - said.amount + discount - shipping_amount as left_for_tax,
    case
        when
            left_for_tax >= 0
            and abs(left_for_tax - number(said.tax)) <= 0.005 * (said.line_count + 3)
            then left_for_tax
        else number(said.tax)
    end as tax_amount
from said
where said.status not in ('pending', 'failed', 'checkout-draft', 'auto-draft', 'draft', 'trash');

-- name: customers
-- Each buyer, as the newest order says.
select
    lines._record,
    heads.buyer as customer_id,
    lines.billing_email as email,
    concat_ws(' ', lines.billing_first_name, lines.billing_last_name) as full_name,
    lines.billing_city as city,
    country(lines.billing_country) as country
from heads
inner join lines on heads._record = lines._record
where heads.buyer is not null
qualify
    row_number() over (
        partition by heads.buyer
        order by
            heads.placed_at desc,
            heads._record desc
    ) = 1;

-- name: products
-- Each product at its newest price that can be read.
select
    items._record,
    items.product_id,
    regexp_replace(items.product_id, '^(SKU|Name) ', '') as sku,
    items.product_name as name,
    'UNKNOWN' as category,
    coalesce(
        cast(
            try_cast(round(items.amount / nullif(number(items.quantity), 0), 2) as decimal(14, 2))
            as text
        ),
        items.subtotal_said
    ) as price
from items
inner join heads on items.order_id = heads.order_id
where items.product_id is not null
qualify
    row_number() over (
        partition by items.product_id
        order by
            items.amount is null,
            items.placed_at desc,
            items._record desc
    ) = 1;

-- name: orders
-- Each order. Its total stands beside all that it is made of, so that one that does not add up is
-- refused.
select
    heads._record,
    heads.order_id,
    heads.buyer as customer_id,
    heads.placed_at,
    -- A fee below zero is spread over the lines, below, where it can be read.
    case when heads.fee_amount is null then heads.fees end as discount_amount,
    coalesce(cast(heads.shipping_amount as text), heads.shipping) as shipping_amount,
    coalesce(cast(heads.tax_amount as text), heads.tax) as tax_amount,
    plain(heads.total) as total_amount,
    heads.currency
from heads;

-- name: discounted
-- The lines, with their share of a fee below zero.
with running as (
    select
        items.*,
        heads.discount as of_order,
        heads.amount as all_lines,
        sum(items.total) over (partition by items.order_id order by items.line_number) as so_far
    from items
    inner join heads on items.order_id = heads.order_id
)

select
    running.*,
    running.total
    - coalesce(share(running.of_order, running.total, running.so_far, running.all_lines), 0) as paid
from running;

-- name: order_items
-- The lines at their prices before coupons.
select
    discounted._record,
    discounted.order_id,
    discounted.line_number,
    discounted.product_id,
    plain(discounted.quantity) as quantity,
    coalesce(cast(discounted.amount as text), plain(discounted.subtotal_said)) as amount,
    coalesce(cast(discounted.amount - discounted.paid as text), discounted.total_said)
        as discount_amount
from discounted;

-- name: given_back
-- The orders of which money went back, or that were cancelled before any was paid.
select
    heads._record,
    heads.order_id,
    heads.line_count,
    heads.refunded as amount_said,
    heads.total_amount as total,
    heads.shipping_amount as shipping,
    heads.tax_amount as tax,
    heads.refunded_goods,
    heads.refunded_tax,
    case when heads.refunded_amount = 0 then heads.total_amount else heads.refunded_amount end as money,
    money - heads.refunded_goods as beyond_lines,
    -- Of each refund, `id:7|date:2026-01-09 12\:00\:00|amount:5.00|reason:`.
    coalesce(
        replace(
            list_max(
                regexp_extract_all(
                    heads.refunds, 'date"?:"?([0-9]+-[0-9]+-[0-9]+ [0-9]+\\?:[0-9]+\\?:[0-9]+)', 1
                )
            ),
            '\',
            ''
        ),
        heads.placed_at
    ) as returned_at
from heads
where heads.status in ('cancelled', 'refunded') or heads.refunded_amount is distinct from 0;

-- name: returns
-- Of an order that was given back whole, its lines, and beside them its shipping and its tax. Of any
-- other what went back of each line, and beside them what is beyond: its tax, as far as it goes, and
-- then shipping or money for nothing in particular.
with back as materialized (
    select
        given_back.*,
        case
            when given_back.refunded_goods = 0
                then try_cast(
                    round(cast(given_back.money as double) * given_back.tax / nullif(given_back.total, 0), 2)
                    as decimal(14, 2)
                )
            else least(given_back.refunded_tax, given_back.beyond_lines)
        end as tax_back
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
    cast(discounted.paid as text) as amount,
    '0' as tax_amount
from back as given_back
inner join sold as discounted on given_back.order_id = discounted.order_id
where given_back.money = given_back.total
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
where given_back.money = given_back.total and given_back.shipping + given_back.tax > 0
union all
select
    discounted._record,
    given_back.order_id as return_id,
    discounted.line_number,
    given_back.returned_at,
    given_back.order_id,
    discounted.line_number as order_line_number,
    coalesce(cast(discounted.refunded_units as text), discounted.refunded_units_said) as quantity,
    coalesce(cast(discounted.refunded as text), discounted.refunded_said) as amount,
    '0' as tax_amount
from back as given_back
inner join sold as discounted on given_back.order_id = discounted.order_id
where
    given_back.money <> given_back.total
    and (discounted.refunded is distinct from 0 or discounted.refunded_units is distinct from 0)
union all
select
    given_back._record,
    given_back.order_id as return_id,
    given_back.line_count + 1 as line_number,
    given_back.returned_at,
    given_back.order_id,
    null as order_line_number,
    '0' as quantity,
    coalesce(cast(given_back.beyond_lines - given_back.tax_back as text), given_back.amount_said) as amount,
    cast(given_back.tax_back as text) as tax_amount
from back as given_back
where given_back.money is distinct from given_back.total and given_back.beyond_lines is distinct from 0;

-- name: left_out
-- Lines of orders that nobody has paid.
select
    lines._record,
    'an order that is not paid: ' || said.status as reason
from lines
inner join said on lines.order_id is not distinct from said.order_id
where said.status in ('pending', 'failed', 'checkout-draft', 'auto-draft', 'draft', 'trash');
