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
-- Held to the end of the transaction: imports write and compare their orders one after another.
select pg_advisory_xact_lock('shop.orders'::regclass::oid::bigint);

-- name: ids_are_of_this_month$
-- Whether no order of this range of ids stands on a day outside the month.
select not exists (
    select 1
    from shop.orders
    where
        orders.order_id between :first_id and :last_id
        and (
            orders.placed_on < :month::date
            or orders.placed_on >= (:month::date + interval '1 month')::date
        )
);

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

-- name: leave_former_days
-- Deletes orders of this range from days other than that on which they were given.
select
    former.placed_on,
    former.orders,
    former.items
from shop.leave_former_days(:given::regclass, :first_id::bigint, :last_id::bigint) as former;

-- name: analyze_named!
-- Tells the planner how many orders are named.
analyze staged_shop_orders;

-- name: count_orders_not_named$
-- How many imported orders of these days are not among the staged ones.
select count(*)
from shop.orders
where
    orders.placed_on between :first_day and :last_day
    and orders.channel = 'import'
    and not exists (
        select 1
        from staged_shop_orders as named
        where named.order_id = orders.order_id
    );

-- name: remove_orders_not_named
-- Deletes them, with their items, and counts both by day.
with gone_orders as (
    delete from shop.orders
    where
        orders.placed_on between :first_day and :last_day
        and orders.channel = 'import'
        and not exists (
            select 1
            from staged_shop_orders as named
            where named.order_id = orders.order_id
        )
    returning
        orders.order_id,
        orders.placed_on
),

gone_items as (
    delete from shop.order_items
    using gone_orders
    where
        order_items.placed_on between :first_day and :last_day
        and order_items.placed_on = gone_orders.placed_on
        and order_items.order_id = gone_orders.order_id
    returning order_items.placed_on
)

select
    gone_orders.placed_on,
    count(*) as orders,
    (
        select count(*)
        from gone_items
        where gone_items.placed_on = gone_orders.placed_on
    ) as items
from gone_orders
group by gone_orders.placed_on;

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
