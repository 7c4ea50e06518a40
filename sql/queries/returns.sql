-- name: lock_order^
-- Locks an order and gives its day, channel, customer, total and tax; nothing if there is none. What
-- others took back before they let it go is seen then, whatever isolation the database defaults to.
set local transaction_isolation = 'read committed';

select
    locked.placed_on,
    locked.channel,
    locked.customer_id,
    locked.total_amount,
    locked.tax_amount
from shop.lock_order(:order_id) as locked;

-- name: lines_under
-- What stands under the id of a return, line by line.
select
    returns.origin,
    returns.order_id,
    returns.returned_on,
    returns.order_line_number,
    returns.product_id,
    returns.quantity,
    returns.amount,
    returns.tax_amount,
    returns.restocked
from shop.returns
where returns.return_id = :return_id
order by returns.line_number;

-- name: lines_bought
-- The lines of an order, with what was paid for them.
select
    order_items.line_number,
    order_items.product_id,
    order_items.quantity,
    order_items.amount - order_items.discount_amount as paid
from shop.order_items
where
    order_items.placed_on = :placed_on
    and order_items.order_id = :order_id
order by order_items.line_number;

-- name: returned_before
-- What was returned of an order, by either channel.
select
    returns.order_line_number,
    returns.product_id,
    returns.quantity,
    returns.amount,
    returns.tax_amount,
    returns.restocked
from shop.returns
where returns.order_id = :order_id
order by
    returns.return_id,
    returns.line_number;

-- name: insert_return$
-- Writes the lines of a return, numbered as they come; gives its day.
with written as (
    insert into shop.returns (
        return_id,
        line_number,
        returned_at,
        returned_on,
        order_id,
        order_line_number,
        customer_id,
        product_id,
        quantity,
        amount,
        tax_amount,
        restocked
    )
    select
        :return_id::bigint as return_id,
        lines.line_number,
        :returned_at::timestamptz as returned_at,
        shop.day_of(:returned_at::timestamptz) as returned_on,
        :order_id::bigint as order_id,
        lines.order_line_number,
        :customer_id::bigint as customer_id,
        lines.product_id,
        lines.quantity,
        lines.amount,
        lines.tax_amount,
        lines.restocked
    from
        unnest(
            :order_line_numbers::integer[],
            :product_ids::bigint[],
            :quantities::integer[],
            :amounts::numeric[],
            :tax_amounts::numeric[],
            :restocked::boolean[]
        ) with ordinality as lines (
            order_line_number, product_id, quantity, amount, tax_amount, restocked, line_number
        )
    returning returned_on
)

select min(written.returned_on) as returned_on
from written;

-- name: restock!
-- Puts units back on the shelf; shop.moved_stock keeps that the cache is to be refreshed.
select shop.move_stock(:product_ids::bigint[], :quantities::bigint[]);
