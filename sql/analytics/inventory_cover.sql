-- How long the stock of each product lasts at the sales rate of the last 30 days, and how fast it turns
-- over.
-- Demand is all units ordered, returned or not, through both channels; imported orders count although
-- they do not move stock. Restocked units count as received. A product that never had a receipt has an
-- unknown stock, and its cover is null.
-- Turnover: units ordered / mean of opening and closing stock, the textbook ratio in units.
--
-- grain: one row per product
-- key: product_id
-- refresh: whole
-- depends on: analytics.daily_sales, analytics.product_daily_sales, shop.products,
--   shop.stock_receipts, shop.order_items, shop.returns
-- references: product_id in shop.products

-- name: definition#
create table analytics.inventory_cover (
    -- The product, as in shop.products.
    product_id bigint primary key,
    -- Units on hand when the table was built; null for a product that never had a receipt.
    stock integer check (stock >= 0),
    -- Units ordered in the 30 days, through both channels.
    units_30d bigint not null check (units_30d >= 0),
    -- Units per day, 6 decimals: units_30d / 30.
    daily_velocity numeric not null check (daily_velocity >= 0),
    -- Days, 6 decimals: stock / (units_30d / 30); null when nothing was ordered in the 30 days,
    -- or without a stock.
    days_of_cover numeric check (days_of_cover >= 0),
    -- Ratio per 30 days, 6 decimals: units_30d / mean of the stock before the 30 days and
    -- now; null without stock. The stock before is stock - receipts - restocked units of checkout
    -- orders + checkout units, of the 30 days.
    turnover numeric check (turnover >= 0),
    -- Whether something was ordered in the 30 days and days_of_cover is less than 14; null
    -- without a stock.
    reorder boolean
);

-- name: rows
with
newest as (
    select max(day) as day
    from analytics.daily_sales
),

products as (
    select
        product_id,
        case
            when exists (
                select 1
                from shop.stock_receipts
                where stock_receipts.product_id = products.product_id
            ) then stock
        end as stock
    from shop.products
),

product_days as (
    select
        product_id,
        units
    from analytics.product_daily_sales
    where
        day > (select newest.day - 30 from newest)
        and day <= (select newest.day from newest)
),

receipts as (
    select
        product_id,
        quantity
    from shop.stock_receipts
    where received_on > (select newest.day - 30 from newest)
    union all
    select
        product_id,
        quantity
    from shop.returns
    where
        returned_on > (select newest.day - 30 from newest)
        and restocked
        and shop.is_checkout(order_id)
),

checkout_items as (
    select
        product_id,
        quantity
    from shop.order_items
    where
        placed_on > (select newest.day - 30 from newest)
        and shop.is_checkout(order_id)
),

sold as (
    select
        product_id,
        sum(units) as units
    from product_days
    group by product_id
),

received as (
    select
        product_id,
        sum(quantity) as units
    from receipts
    group by product_id
),

checked_out as (
    select
        product_id,
        sum(quantity) as units
    from checkout_items
    group by product_id
),

movements as (
    select
        products.product_id,
        products.stock,
        coalesce(sold.units, 0)::bigint as units_30d,
        products.stock - coalesce(received.units, 0) + coalesce(checked_out.units, 0) as opening_stock
    from products
    left join sold on products.product_id = sold.product_id
    left join received on products.product_id = received.product_id
    left join checked_out on products.product_id = checked_out.product_id
)

select
    product_id,
    stock,
    units_30d,
    round(units_30d / 30.0, 6) as daily_velocity,
    round(stock * 30.0 / nullif(units_30d, 0), 6) as days_of_cover,
    case
        when opening_stock + stock > 0 then round(units_30d * 2.0 / (opening_stock + stock), 6)
    end as turnover,
    case when stock is not null then units_30d > 0 and stock * 30.0 < units_30d * 14 end as reorder
from movements;
