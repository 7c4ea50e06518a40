-- sqlfluff:templater:placeholder:staged:staged_shop_orders
-- sqlfluff:templater:placeholder:column:customer_id
-- sqlfluff:templater:placeholder:referred:shop.customers
-- sqlfluff:templater:placeholder:target:customer_id
-- sqlfluff:templater:placeholder:given:order_id
-- What rows of a shop's own files meet in Postgres. Each `refuse_` takes rows out of a staged table
-- and gives their keys; what is left in it may be merged.

-- name: analyze_staged_orders!
-- Tells the planner how much was staged.
analyze staged_shop_orders, staged_shop_order_items;

-- name: refuse_taken_emails
-- Customers whose email, in capitals or not, another one has and keeps; they keep theirs, if they have
-- one. To be repeated until none is left, for they give up no email either.
update staged_shop_customers as staged
set
    email = (
        select own.email
        from shop.customers as own
        where own.customer_id = staged.customer_id
    )
from shop.customers as holder
where
    lower(holder.email) = lower(staged.email)
    and holder.customer_id <> staged.customer_id
    and not exists (
        select 1
        from staged_shop_customers as moving
        where
            moving.customer_id = holder.customer_id  -- noqa: RF01
            and lower(moving.email) is distinct from lower(holder.email)  -- noqa: RF01
    )
    and not exists (
        select 1
        from shop.customers as own
        where own.customer_id = staged.customer_id and lower(own.email) = lower(staged.email)
    )
returning staged.customer_id;

-- name: free_moving_emails!
-- An email that passes from one customer to another is free in between; both rows are staged.
update shop.customers as holder
set email = null
from
    staged_shop_customers as staged,
    staged_shop_customers as moving
where
    lower(holder.email) = lower(staged.email)
    and holder.customer_id <> staged.customer_id
    and holder.customer_id = moving.customer_id;

-- name: refuse_taken_skus
-- Rows whose sku another product has and keeps; to be repeated likewise.
delete from staged_shop_products as staged
using shop.products as holder
where
    holder.sku = staged.sku
    and holder.product_id <> staged.product_id
    and not exists (
        select 1
        from staged_shop_products as moving
        where moving.product_id = holder.product_id
    )
returning staged.product_id;

-- name: free_moving_skus!
-- A sku that passes from one product to another is free in between.
update shop.products as holder
set sku = gen_random_uuid()::text
from staged_shop_products as staged
where holder.sku = staged.sku and holder.product_id <> staged.product_id;

-- name: lock_received_products!
-- Locks the products of the receipts, in the order in which checkouts lock them.
select products.product_id
from shop.products
where
    products.product_id in (
        select staged.product_id
        from staged_shop_stock_receipts as staged
    )
order by products.product_id
for no key update;

-- name: refuse_receipts_out_of_stock_range
-- Receipts of products whose stock would fall below zero, for more is sold than they now say was
-- received, or beyond what a stock can be.
with change as (
    select
        staged.product_id,
        sum(staged.quantity - coalesce(receipts.quantity, 0)) as quantity
    from staged_shop_stock_receipts as staged
    left join shop.stock_receipts as receipts
        on
            staged.product_id = receipts.product_id
            and staged.received_on = receipts.received_on
    group by staged.product_id
)

delete from staged_shop_stock_receipts as staged
using change, shop.products
where
    change.product_id = staged.product_id
    and products.product_id = staged.product_id
    and products.stock + change.quantity not between 0 and 2147483647
returning
    staged.product_id,
    staged.received_on;

-- name: move_stock!
-- Changes stocks by what the staged receipts add to those that are booked.
with change as (
    select
        staged.product_id,
        sum(staged.quantity - coalesce(receipts.quantity, 0)) as quantity
    from staged_shop_stock_receipts as staged
    left join shop.stock_receipts as receipts
        on
            staged.product_id = receipts.product_id
            and staged.received_on = receipts.received_on
    group by staged.product_id
)

select shop.move_stock(array_agg(change.product_id), array_agg(change.quantity))
from change;

-- name: refuse_unknown
-- Rows that refer to what is not there; where nothing is named, they refer to nothing.
delete from :staged as staged
where
    staged.:column is not null
    and not exists (
        select 1
        from :referred as known
        where known.:target = staged.:column
    )
returning :given;

-- name: keep_external_ids!
-- Notes what the numbers of ids that are text stand for.
insert into shop.external_ids (kind, id, external_id)
select
    staged.kind,
    staged.id,
    staged.external_id
from staged_shop_external_ids as staged
on conflict (kind, external_id) do nothing;

-- name: count_customers$
-- How many customers are loaded.
select count(*) from shop.customers;

-- name: count_products$
-- How many products are loaded.
select count(*) from shop.products;

-- name: first_return$
-- A return, if anything was ever returned.
select min(returns.return_id) from shop.returns;
