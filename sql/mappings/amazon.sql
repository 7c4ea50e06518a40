-- Amazon: the All Orders report of Seller Central (Reports > Fulfilment), by order date or last update.
-- https://sellercentral.amazon.com/gp/help/external/200547170
-- https://developer-docs.amazon.com/sp-api/docs/report-type-values-order (how programs ask for it)
--
-- A text file separated by tabs, in which quotation marks are text. One line per item of an order, and
-- on each its own shipping and gift wrap. Amounts are of all its units; the report has no total of an
-- order and names no buyer, so every order is a guest's.
--
-- - A product is its SKU, else its ASIN.
-- - Prices include tax, but for Amazon.com and Amazon.ca, where it is on top.
-- - A discount stands with a minus or without; it is one either way.
-- - Lines that are pending are left out; a later report has them again. So are those that were
--   cancelled before they had a price, and what Amazon only shipped for another shop.
-- - A line that was cancelled with its price, or came back undelivered, was sold and given back, when
--   it was last updated. What buyers send back, and refunds, are in other reports.
--
-- A pan-European account sells in several currencies: orders that are not in the shop's own are refused.
-- A product's price is the newest, in whatever currency.
-- Orders that were loaded and then cancelled stand in later reports without prices: load those days
-- with --replace-days.
--
-- [lines]
-- files = ["*orders*", "[0-9]*"]
-- key = ["amazon-order-id"]
-- nulls = [""]
-- delimiter = "\t"
-- quote = ""
-- optional = [
--     "asin", "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount", "item-tax",
--     "ship-promotion-discount", "shipping-price", "shipping-tax",
-- ]
-- sales = '''number(coalesce("item-price", '0')) - abs(number(coalesce("item-promotion-discount", '0')))
--     + number(coalesce("shipping-price", '0')) - abs(number(coalesce("ship-promotion-discount", '0')))
--     + number(coalesce("gift-wrap-price", '0'))
--     + case
--         when "sales-channel" in ('Amazon.com', 'Amazon.ca') then number(coalesce("item-tax", '0'))
--             + number(coalesce("shipping-tax", '0')) + number(coalesce("gift-wrap-tax", '0'))
--         else 0
--     end'''
-- returns = '''case
--     when
--         not regexp_matches(concat_ws(' ', "order-status", "item-status"), 'Cancel|Return|Reject')
--         or "item-price" is null
--         or number("quantity") = 0
--         or "order-status" like 'Pending%'
--         or "sales-channel" like 'Non-Amazon%'
--         then 0
--     else number("item-price") - abs(number(coalesce("item-promotion-discount", '0')))
--     + number(coalesce("shipping-price", '0')) - abs(number(coalesce("ship-promotion-discount", '0')))
--     + number(coalesce("gift-wrap-price", '0'))
--     + case
--         when "sales-channel" in ('Amazon.com', 'Amazon.ca') then number(coalesce("item-tax", '0'))
--             + number(coalesce("shipping-tax", '0')) + number(coalesce("gift-wrap-tax", '0'))
--         else 0
--     end
-- end'''

-- name: judged
-- Each line with why it does not count, if it does not, and whether it was given back.
select
    lines.*,
    regexp_matches(
        concat_ws(' ', lines."order-status", lines."item-status"), 'Cancel|Return|Reject'
    ) as is_given_back,
    case
        when lines."sales-channel" like 'Non-Amazon%' then 'shipped for another shop'
        when lines."order-status" like 'Pending%' then 'pending'
        when
            concat_ws(' ', lines."order-status", lines."item-status") like '%Cancel%'
            and (lines."item-price" is null or number(lines.quantity) = 0)
            then 'cancelled before it was paid'
    end as left_out_because
from lines;

-- name: items
-- The lines that count, numbered within their order, with their money in numbers.
select
    judged._record,
    judged."amazon-order-id" as order_id,
    row_number() over (
        partition by judged."amazon-order-id"
        order by judged._record
    ) as line_number,
    -- With a word before it, so that no SKU is taken for a number: 0012 would be 12.
    coalesce('SKU ' || judged.sku, 'ASIN ' || judged.asin) as product_id,
    coalesce(judged.sku, judged.asin) as sku,
    judged.asin,
    judged."product-name" as product_name,
    judged.quantity,
    judged."purchase-date" as placed_at,
    judged."last-updated-date" as updated_at,
    judged.currency,
    judged.is_given_back,
    judged."item-price" as price_said,
    judged."item-promotion-discount" as discount_said,
    number(judged."item-price") as amount,
    abs(number(coalesce(judged."item-promotion-discount", '0'))) as discount,
    number(coalesce(judged."shipping-price", '0'))
    - abs(number(coalesce(judged."ship-promotion-discount", '0')))
    + number(coalesce(judged."gift-wrap-price", '0')) as shipping,
    number(coalesce(judged."item-tax", '0'))
    + number(coalesce(judged."shipping-tax", '0'))
    + number(coalesce(judged."gift-wrap-tax", '0')) as taxes,
    case when judged."sales-channel" in ('Amazon.com', 'Amazon.ca') then taxes else 0 end as tax,
    -- What cannot be read, to be refused with its order.
    case
        when shipping is null
            then concat_ws(
                ' ', judged."shipping-price", judged."ship-promotion-discount", judged."gift-wrap-price"
            )
    end as unread_shipping,
    case
        when tax is null
            then concat_ws(' ', judged."item-tax", judged."shipping-tax", judged."gift-wrap-tax")
    end as unread_tax
from judged
where judged.left_out_because is null;

-- name: products
-- Each product at its newest price that can be read.
select
    items._record,
    items.product_id,
    items.sku,
    items.product_name as name,
    'UNKNOWN' as category,
    coalesce(
        cast(
            try_cast(round(items.amount / nullif(number(items.quantity), 0), 2) as decimal(14, 2))
            as text
        ),
        items.price_said
    ) as price,
    case when items.asin is not null then json_object('asin', items.asin) end as attributes
from items
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
-- What the lines of each order say of it as a whole; where they do not agree, or cannot be read, what
-- they say, which is then refused.
select
    min(items._record) as _record,
    items.order_id,
    concat_ws(' or ', min(items.placed_at), nullif(max(items.placed_at), min(items.placed_at)))
        as placed_at,
    coalesce(min(items.unread_shipping), cast(sum(items.shipping) as text)) as shipping_amount,
    coalesce(min(items.unread_tax), cast(sum(items.tax) as text)) as tax_amount,
    concat_ws(' or ', min(items.currency), nullif(max(items.currency), min(items.currency)))
        as currency
from items
group by items.order_id;

-- name: order_items
-- The lines at their prices before promotions.
select
    items._record,
    items.order_id,
    items.line_number,
    items.product_id,
    plain(items.quantity) as quantity,
    plain(items.price_said) as amount,
    coalesce(cast(items.discount as text), items.discount_said) as discount_amount
from items;

-- name: returns
-- The lines that were given back, and beside them the shipping and the tax of these.
select
    items._record,
    items.order_id as return_id,
    items.line_number,
    items.updated_at as returned_at,
    items.order_id,
    items.line_number as order_line_number,
    plain(items.quantity) as quantity,
    cast(items.amount - items.discount as text) as amount,
    '0' as tax_amount
from items
where items.is_given_back
union all
select
    min(items._record) as _record,
    items.order_id as return_id,
    max(items.line_number) + 1 as line_number,
    max(items.updated_at) as returned_at,
    items.order_id,
    null as order_line_number,
    '0' as quantity,
    cast(sum(items.shipping) as text) as amount,
    cast(sum(items.tax) as text) as tax_amount
from items
where items.is_given_back
group by items.order_id
having sum(items.shipping) + sum(items.tax) > 0;

-- name: left_out
-- The lines that do not count.
select
    judged._record,
    judged.left_out_because as reason
from judged
where judged.left_out_because is not null;
