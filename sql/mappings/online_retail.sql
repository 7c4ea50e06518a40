-- Online Retail and Online Retail II: invoices of a British gift shop, 2009 to 2011, one line per
-- product, as CSV of the workbook or of one of its sheets.
-- https://archive.ics.uci.edu/dataset/352/online+retail
-- https://archive.ics.uci.edu/dataset/502/online+retail+ii
--
-- The first edition says InvoiceNo, UnitPrice, CustomerID, the second Invoice, Price, Customer ID; both
-- are read. Set ECOM_CURRENCY=GBP and ECOM_TIMEZONE=Europe/London before the first load. Days are month
-- first (12/1/2010) or year first; for a copy with the day first, change 'MDY' below to 'DMY'.
--
-- What a line is follows from its invoice, code, quantity and price:
-- - Codes such as POST and BANK CHARGES are services, no products: what they cost is the shipping of
--   their order. Where an invoice has nothing else, nothing was sold, and it is left out.
-- - A negative line gives back: the invoice is then C and a number of its own, so of which order is not
--   known. Postage or a discount given back is money alone, of a product that stands for the service.
-- - A negative line of no price, and a free one of nobody's invoice without a price, count the shop's
--   stock: both are left out. So are its fees, tests and bad debts (invoices with A).
-- - The two sheets of the second edition share nine days. An invoice that stands twice, each time with
--   the same lines, counts once; in files of their own, the sheet that comes last by name counts.
--
-- [lines]
-- files = ["[Oo]nline*[Rr]etail*", "Year 20*", "data"]
-- key = ["InvoiceNo", "Invoice"]
-- optional = [
--     "InvoiceNo", "Invoice", "UnitPrice", "Price", "CustomerID", "Customer ID", "Country", "Description",
-- ]
-- sales = 'greatest(number("Quantity") * number(coalesce("UnitPrice", "Price")), 0)'
-- returns = 'greatest(-number("Quantity") * number(coalesce("UnitPrice", "Price")), 0)'

-- name: written
-- The columns of both editions under one name. A customer that went through a spreadsheet or pandas
-- ends in `.0`; codes stand in capitals and not. Places that are no country are none here.
select
    lines._record,
    upper(trim(coalesce(lines."InvoiceNo", lines."Invoice"))) as invoice,
    instant(lines."InvoiceDate", 'MDY') as invoiced_at,
    regexp_replace(coalesce(lines."CustomerID", lines."Customer ID"), '\.0$', '') as customer_id,
    case
        when lines."Country" in ('European Community', 'Unspecified', 'Channel Islands', 'West Indies') then null
        when lines."Country" = 'RSA' then 'ZA'
        else lines."Country"
    end as country,
    upper(trim(lines."StockCode")) as code,
    trim(lines."Description") as description,
    plain(lines."Quantity") as quantity,
    plain(coalesce(lines."UnitPrice", lines."Price")) as price,
    number(lines."Quantity") as units,
    number(coalesce(lines."UnitPrice", lines."Price")) as unit_price
from lines;

-- name: stretches
-- Lines of one invoice that follow each other.
select
    written._record,
    written.invoice,
    row_number() over (order by written._record)
    - row_number() over (partition by written.invoice order by written._record) as stretch
from written;

-- name: contents
-- What stands in each stretch, and whether an earlier one of the invoice holds the same.
select
    stretches.invoice,
    stretches.stretch,
    list_sort(list(concat_ws('|', written.code, written.quantity, written.price))) as held,
    row_number() over (
        partition by stretches.invoice, held
        order by min(stretches._record)
    ) > 1 as is_repeated
from stretches
inner join written on stretches._record = written._record
group by
    stretches.invoice,
    stretches.stretch;

-- name: invoices
-- What the lines of an invoice say together; a few were entered over two minutes.
select
    written.invoice,
    min(written.invoiced_at) as invoiced_at,
    max(written.customer_id) as customer_id,
    bool_and(coalesce(written.unit_price = 0, false)) as is_free
from written
group by written.invoice;

-- name: entries
-- Each line with what it is. One whose number cannot be read is an item, which is then refused.
select
    written.*,
    invoices.invoiced_at as placed_at,
    invoices.customer_id as buyer_id,
    written.code in (
        'POST', 'DOT', 'C2', 'M', 'D', 'S', 'BANK CHARGES', 'ADJUST', 'ADJUST2', 'AMAZONFEE', 'CRUK', 'B'
    ) as is_service,
    case
        when contents.is_repeated then 'an invoice that stands twice'
        when written.code like 'TEST%' then 'a test'
        when written.invoice like 'A%' or written.unit_price < 0 then 'an entry of the books: bad debt'
        when
            written.units * written.unit_price < 0
            and written.code in ('AMAZONFEE', 'BANK CHARGES', 'CRUK', 'S', 'B')
            then 'an entry of the books: what the shop paid'
        when written.invoice like 'C%' and written.units > 0 then 'a charge on a cancellation'
        when written.invoice like 'C%' then 'return'
        when written.units < 0 and written.unit_price = 0
            then 'an entry of the stock: units that are gone'
        when invoices.is_free and invoices.customer_id is null
            then 'an entry of the stock: units that were found'
        when written.units < 0 then 'return'
        when is_service and written.units * written.unit_price >= 0 then 'service'
        else 'item'
    end as meaning
from written
inner join invoices on written.invoice is not distinct from invoices.invoice
inner join stretches on written._record = stretches._record
inner join contents
    on
        stretches.invoice is not distinct from contents.invoice
        and stretches.stretch = contents.stretch;

-- name: services
-- What an order was charged beside its products.
select
    entries.invoice,
    sum(round(entries.units * entries.unit_price, 2)) as amount
from entries
where entries.meaning = 'service'
group by entries.invoice;

-- name: customers
-- Who bought or gave back, and where that was last. A quarter of the lines have no customer.
select
    min(entries._record) as _record,
    entries.buyer_id as customer_id,
    country(arg_max_null(entries.country, (entries.placed_at, entries._record))) as country
from entries
where entries.buyer_id is not null and entries.meaning in ('item', 'service', 'return')
group by entries.buyer_id;

-- name: products
-- Each code that was sold or given back, with the text and the price of its newest line that has one.
-- Beside stock that was counted stand notes, such as `damaged`, and they are no names.
select
    min(entries._record) as _record,
    entries.code as product_id,
    entries.code as sku,
    coalesce(
        arg_max(entries.description, (entries.placed_at, entries._record)) filter (
            where entries.unit_price > 0
        ),
        arg_max(entries.description, (entries.placed_at, entries._record)),
        entries.code
    ) as name,
    if(bool_or(entries.is_service), 'SERVICE', 'UNKNOWN') as category,
    if(
        bool_or(entries.is_service),
        0,
        coalesce(
            arg_max(round(entries.unit_price, 2), (entries.placed_at, entries._record)) filter (
                where entries.unit_price > 0
            ),
            0
        )
    ) as price
from entries
where entries.meaning in ('item', 'return')
group by entries.code;

-- name: orders
select
    min(entries._record) as _record,
    entries.invoice as order_id,
    entries.buyer_id as customer_id,
    entries.placed_at,
    coalesce(services.amount, 0) as shipping_amount
from entries
left join services on entries.invoice = services.invoice
where entries.meaning = 'item'
group by
    entries.invoice,
    entries.buyer_id,
    entries.placed_at,
    services.amount;

-- name: order_items
select
    entries._record,
    entries.invoice as order_id,
    row_number() over (partition by entries.invoice order by entries._record) as line_number,
    entries.code as product_id,
    entries.quantity,
    entries.price as unit_price
from entries
where entries.meaning = 'item';

-- name: returns
select
    entries._record,
    entries.invoice as return_id,
    row_number() over (partition by entries.invoice order by entries._record) as line_number,
    entries.placed_at as returned_at,
    entries.buyer_id as customer_id,
    entries.code as product_id,
    if(entries.is_service, 0, -entries.units) as quantity,
    coalesce(cast(round(-entries.units * entries.unit_price, 2) as text), entries.price) as amount
from entries
where entries.meaning = 'return';

-- name: included
-- Lines that are in their order's shipping.
select
    entries._record,
    orders.first_record as in_record
from entries
inner join (
    select
        items.invoice,
        min(items._record) as first_record
    from entries as items
    where items.meaning = 'item'
    group by items.invoice
) as orders on entries.invoice = orders.invoice
where entries.meaning = 'service';

-- name: left_out
-- A service that is in its order's shipping is not, whatever stands here.
select
    entries._record,
    if(entries.meaning = 'service', 'an invoice of services alone', entries.meaning) as reason
from entries
where entries.meaning not in ('item', 'return');
