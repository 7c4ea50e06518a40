-- Checkouts of guests, and what ReturnService does: it takes back what was bought.

alter table shop.checkouts
drop constraint checkouts_ordered_has_its_cart,
add constraint checkouts_ordered_was_submitted
check (outcome = 'rejected' or submitted_at is not null);

comment on column shop.checkouts.customer_id is
'As the cart gave it, null for a guest; of a rejected cart it may be unknown.';

comment on column shop.products.stock is
'Units on hand = sum of stock_receipts - sum of items of orders whose channel is checkout + units of
their returns that were restocked.';

comment on table shop.moved_stock is
'One row per product and move of its stock by deliveries, files or returns whose cache may still be
old. Rows are only added and, once the cache is refreshed, deleted, so that no two writers wait for
each other.';

-- The application may say of what it writes neither that it is history nor of which odd year it is:
-- every command reads the days.
alter table shop.returns
alter column origin set default 'application',
add constraint returns_application_is_of_a_known_day
check (
    origin <> 'application'
    or returned_at between '2000-01-01 00:00+00' and now() + interval '1 day'
);

create function shop.lock_order(wanted bigint)
returns table (
    placed_on date, channel text, customer_id bigint, total_amount numeric, tax_amount numeric
)
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        orders.placed_on,
        orders.channel,
        orders.customer_id,
        orders.total_amount,
        orders.tax_amount
    from shop.orders
    where orders.order_id = wanted
    for no key update;
end
$$;

comment on function shop.lock_order is
'Locks an order until the end of the transaction and gives it, for one who takes back what was bought
with it and may change no order. Whoever writes returns of an order locks it first.';

select ops.grant_rights();
