-- sqlfluff:dialect:duckdb
-- sqlfluff:templater:placeholder:transactions:'file'
-- sqlfluff:templater:placeholder:products:'file'
-- The Complete Journey in the form of docs/ingest.md; runs in DuckDB. Money is counted in cents.

-- name: read_source#
-- The order lines of the source in whole cents, and which of them were sold at all. What the grocer
-- received is after discounts of its own, which are what its card and its matching of coupons took off;
-- coupons of makers are paid by these. See the data's dictionary: "sales_value", "retail_disc".
create view lines as
select
    transactions.basket_id,
    transactions.household_id,
    transactions.product_id,
    transactions.quantity,
    transactions.transaction_timestamp as placed_at,
    cast(round(transactions.sales_value * 100) as bigint) as paid,
    cast(
        round(transactions.retail_disc * 100) + round(transactions.coupon_match_disc * 100) as bigint
    ) as discount,
    paid + discount as cents,
    transactions.quantity > 0 as is_sold
from read_parquet(:transactions) as transactions;

create view described as
select
    products.product_id,
    products.department,
    products.product_category,
    products.product_type,
    products.brand,
    products.package_size,
    products.manufacturer_id
from read_parquet(:products) as products;

-- name: customers
-- One row per household with a transaction; the data say no more of it.
select distinct lines.household_id as customer_id
from lines
order by lines.household_id;

-- name: products
-- One row per product that is described or was sold; its price is the median of what a unit of it
-- cost before discounts, the lower of two.
with seen as (
    select distinct lines.product_id
    from lines
),

prices as (
    select
        lines.product_id,
        quantile_disc(cast(round(lines.cents / lines.quantity) as bigint), 0.5) as cents
    from lines
    where lines.is_sold
    group by lines.product_id
),

known as (
    select
        coalesce(described.product_id, seen.product_id) as product_id,
        described.department,
        described.product_category,
        described.product_type,
        described.brand,
        described.package_size,
        described.manufacturer_id
    from described
    full join seen on described.product_id = seen.product_id
)

select
    known.product_id,
    'CJ-' || known.product_id as sku,
    coalesce(
        known.product_type || coalesce(', ' || known.package_size, ''),
        'Product ' || known.product_id
    ) as name,
    coalesce(known.product_category, known.department, 'UNKNOWN') as category,
    cast(coalesce(prices.cents, 0) as decimal(10, 0)) * 0.01 as price,
    -- Merging drops what is null.
    cast(json_merge_patch('{}', to_json(struct_pack(
        department := known.department,
        brand := known.brand,
        package_size := known.package_size,
        manufacturer_id := known.manufacturer_id
    ))) as text) as attributes
from known
left join prices on known.product_id = prices.product_id
order by known.product_id;

-- name: orders
-- One row per basket, with the total of its lines that were sold.
select
    lines.basket_id as order_id,
    min(lines.household_id) as customer_id,
    min(lines.placed_at) as placed_at,
    cast(coalesce(sum(lines.paid) filter (where lines.is_sold), 0) as decimal(14, 0)) * 0.01
        as total_amount
from lines
group by lines.basket_id
order by
    placed_at,
    order_id;

-- name: order_items
-- The lines as they are; those without units are refused.
select
    lines.basket_id as order_id,
    row_number() over (
        partition by lines.basket_id
        order by lines.product_id asc, lines.cents desc, lines.quantity asc, lines.discount asc
    ) as line_number,
    lines.product_id,
    lines.quantity,
    cast(lines.cents as decimal(14, 0)) * 0.01 as amount,
    cast(lines.discount as decimal(14, 0)) * 0.01 as discount_amount
from lines
order by
    lines.placed_at,
    order_id,
    line_number;

-- name: totals
-- What the source holds, to compare a load with.
select
    count(*) as lines,
    count(distinct lines.basket_id) as baskets,
    cast(sum(lines.cents) as bigint) as gross,
    cast(sum(lines.discount) as bigint) as discounts,
    count(*) filter (where not lines.is_sold) as unsold_lines,
    cast(coalesce(sum(lines.paid) filter (where not lines.is_sold), 0) as bigint) as unsold
from lines;
