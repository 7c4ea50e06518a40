-- The shop's day: one function says on which day an instant lies, and everything asks it. Until a
-- shop has another time zone, that is UTC.

create function shop.day_of(instant timestamptz)
returns date
language sql
immutable
parallel safe
return (instant at time zone 'UTC')::date;

comment on function shop.day_of is
'The day of the shop''s time zone on which an instant lies. Postgres puts its text in its place, so
that it costs no call, and indexes and statistics of it serve.';

drop index shop.checkouts_submitted_on;

-- Serves: the checkouts of one day (cart_funnel, lost_demand). A day as an expression, so that the
-- planner counts its rows from statistics rather than guessing at a range.
create index checkouts_submitted_on on shop.checkouts (shop.day_of(submitted_at));

do $$
declare
    relation regclass;
begin
    alter table shop.orders
    add constraint orders_placed_on_is_the_day_of_placed_at
    check (placed_on = shop.day_of(placed_at));
    -- Each month has the old one as its own, too.
    for relation in
        select pg_constraint.conrelid::regclass
        from pg_constraint
        where
            pg_constraint.conname = 'orders_placed_on_is_the_utc_day'
            and not pg_constraint.coninhcount > 0
        union all
        select pg_inherits.inhrelid::regclass
        from pg_inherits
        where pg_inherits.inhparent = 'shop.orders'::regclass
    loop
        execute format(
            'alter table %s drop constraint if exists orders_placed_on_is_the_utc_day', relation
        );
    end loop;
end
$$;

create or replace function ops.note_submitted_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select distinct shop.day_of(submitted_at), 1
    from changed
    where submitted_at between '0001-01-02 00:00+00' and '9999-12-30 23:59:59.999999+00';
    return null;
end
$$;
