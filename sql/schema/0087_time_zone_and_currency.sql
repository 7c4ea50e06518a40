-- The shop's time zone and currency: chosen while it is empty, and kept.

create function shop.time_zone()
returns text
language sql
immutable
parallel safe
return 'UTC';

comment on function shop.time_zone is 'Name (IANA) of the time zone whose days are the shop''s.';

create function shop.currency()
returns text
language sql
immutable
parallel safe
return 'EUR';

comment on function shop.currency is 'Code (ISO 4217) of the currency of all the shop''s money.';

create function ops.choose_zone_and_currency(zone text, currency text)
returns void
language plpgsql
as $$
begin
    -- Whoever fills the shop waits, and is waited for.
    lock table ops.shop in share row exclusive mode;
    if zone = shop.time_zone() and currency = shop.currency() then
        return;
    end if;
    if
        exists (select from ops.shop)
        or exists (select from shop.checkouts)
        or exists (select from analytics.cart_sightings)
    then
        raise exception 'the shop has rows'
        using errcode = 'object_not_in_prerequisite_state';
    end if;
    execute format(
        'create or replace function shop.day_of(instant timestamptz) returns date '
        'language sql immutable parallel safe return (instant at time zone %L)::date',
        zone
    );
    execute format(
        'create or replace function shop.time_zone() returns text '
        'language sql immutable parallel safe return %L',
        zone
    );
    execute format(
        'create or replace function shop.currency() returns text '
        'language sql immutable parallel safe return %L',
        currency
    );
    reindex index shop.checkouts_submitted_on;
end
$$;

comment on function ops.choose_zone_and_currency is
'Gives an empty shop its time zone and currency; fails with object_not_in_prerequisite_state where it
has rows and they are others.';

comment on column shop.orders.placed_on is 'The shop''s day of placed_at; the partition key.';
comment on column shop.stock_receipts.received_on is 'The shop''s day of the delivery.';
comment on column analytics.cart_sightings.created_on is
'The shop''s day on which the cart was begun, if it says so.';
comment on column analytics.cart_sightings.submitted_on is
'The shop''s day on which it was submitted.';
comment on column ops.day_changes.day is
'Day of the changed orders, items, returns, checkouts or carts; null for what belongs to no day, such
as products and deliveries.';
comment on column ops.refreshed_days.day is 'The shop''s day.';

select ops.grant_rights();
