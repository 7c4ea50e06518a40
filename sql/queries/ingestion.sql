-- name: create_month$
-- Makes a month's bare tables; false when the month exists.
select shop.create_month(:month::date);

-- name: attach_month!
-- Builds the indexes of a month's tables, checks their constraints and attaches them.
select shop.attach_month(:month::date);

-- name: defer_constraints!
-- Lets orders and their items change in any order until the commit.
set constraints all deferred;

-- name: lock_imported_ids!
-- Held to the end of the transaction: imports compare their ids one after another.
select pg_advisory_xact_lock('shop.orders'::regclass::oid::bigint);

-- name: order_id_on_two_days^
-- An id of this range that stands on more than one day; the primary key leads with the id.
select
    orders.order_id,
    min(orders.placed_on) as first_day,
    max(orders.placed_on) as last_day
from shop.orders
where orders.order_id between :first_id and :last_id
group by orders.order_id
having count(*) > 1
order by orders.order_id
limit 1;

-- name: receive_staged_stock^
-- Books staged receipts that are not there yet, raises stock; counts the receipts and products.
with booked as (
    insert into shop.stock_receipts (product_id, received_on, quantity)
    select
        staged.product_id,
        staged.received_on,
        staged.quantity
    from staged_shop_stock_receipts as staged
    order by
        staged.product_id,
        staged.received_on
    on conflict do nothing
    returning
        product_id,
        quantity
),

received as (
    select
        booked.product_id,
        sum(booked.quantity) as quantity
    from booked
    group by booked.product_id
),

moved as (
    select shop.move_stock(array_agg(received.product_id), array_agg(received.quantity))
    from received
)

select
    (select count(*) from booked) as booked,
    (select count(*) from moved) as moved;
