-- name: claim
-- Claims carts, the well-formed ones as ordered under a new order id; gives those it could claim.
-- A cart that another transaction is deciding is waited for; one that is decided is left out.
insert into shop.checkouts (
    cart_id, customer_id, outcome, order_id, reason, detail, cart_created_at, submitted_at
)
select
    carts.cart_id,
    carts.customer_id,
    case when carts.reason is null then 'ordered' else 'rejected' end as outcome,
    case when carts.reason is null then nextval('shop.checkout_order_ids') end as order_id,
    carts.reason,
    carts.detail,
    carts.cart_created_at,
    carts.submitted_at
from
    unnest(
        :cart_ids::text[],
        :customer_ids::bigint[],
        :reasons::text[],
        :details::jsonb[],
        :created_ats::timestamptz[],
        :submitted_ats::timestamptz[]
    ) as carts (cart_id, customer_id, reason, detail, cart_created_at, submitted_at)
on conflict (cart_id) do nothing
returning
    cart_id,
    order_id;

-- name: checkouts_of
-- What was decided of these carts, now or before.
select
    checkouts.cart_id,
    checkouts.outcome,
    checkouts.order_id,
    shop.day_of(checkouts.submitted_at) as placed_on,
    checkouts.reason,
    checkouts.detail
from shop.checkouts
where checkouts.cart_id = any(:cart_ids::text[]);

-- name: lock_products
-- Locks products in the order of their ids, so that no two transactions wait for each other; the
-- lock leaves the foreign-key checks of other orders alone.
select
    products.product_id,
    products.price,
    products.stock
from shop.products
where products.product_id = any(:product_ids::bigint[])
order by products.product_id
for no key update;

-- name: customers_among
-- Which of these customers exist.
select customers.customer_id
from shop.customers
where customers.customer_id = any(:customer_ids::bigint[]);

-- name: reject_claimed!
-- Turns claims of this transaction into rejections.
update shop.checkouts
set
    outcome = 'rejected',
    order_id = null,
    reason = rejected.reason,
    detail = rejected.detail
from
    unnest(:cart_ids::text[], :reasons::text[], :details::jsonb[])
        as rejected (cart_id, reason, detail)
where checkouts.cart_id = rejected.cart_id;

-- name: move_stock!
-- Moves the stock of locked products.
select shop.move_stock(:product_ids::bigint[], :quantities::bigint[], by_checkout => true);

-- name: insert_orders!
-- Writes the orders of claimed carts.
insert into shop.orders (
    order_id, placed_on, customer_id, cart_id, channel, total_amount, placed_at
)
select
    orders.order_id,
    shop.day_of(orders.placed_at) as placed_on,
    orders.customer_id,
    orders.cart_id,
    'checkout' as channel,
    orders.total_amount,
    orders.placed_at
from
    unnest(
        :order_ids::bigint[],
        :customer_ids::bigint[],
        :cart_ids::text[],
        :totals::numeric[],
        :placed_ats::timestamptz[]
    ) as orders (order_id, customer_id, cart_id, total_amount, placed_at);

-- name: insert_items!
-- Writes the items of those orders.
insert into shop.order_items (
    order_id, placed_on, line_number, product_id, quantity, unit_price, amount
)
select
    items.order_id,
    items.placed_on,
    items.line_number,
    items.product_id,
    items.quantity,
    items.unit_price,
    items.quantity * items.unit_price as amount
from
    unnest(
        :order_ids::bigint[],
        :placed_ons::date[],
        :line_numbers::integer[],
        :product_ids::bigint[],
        :quantities::integer[],
        :unit_prices::numeric[]
    ) as items (order_id, placed_on, line_number, product_id, quantity, unit_price);

-- name: ensure_month!
-- Makes the partitions of a month if they are missing.
select shop.ensure_month(:month::date);
