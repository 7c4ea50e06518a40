-- name: lock_definitions!
-- Held to the end of the transaction: definitions change one after another.
select pg_advisory_xact_lock('ops.analytics_definitions'::regclass::oid::bigint);

-- name: definitions
-- Which text made each table and view that exists.
select
    name,
    shape,
    wording
from ops.analytics_definitions
where to_regclass('analytics.' || quote_ident(name)) is not null;

-- name: record_definition!
-- Notes which text made a table or view.
insert into ops.analytics_definitions (name, shape, wording)
values (:name, :shape, :wording)
on conflict (name) do update
    set
        shape = excluded.shape,
        wording = excluded.wording;

-- name: lock_table!
-- The lock of ops.merge, taken before the rows are read: what is merged last was read last.
select pg_advisory_xact_lock('ops.merge'::regproc::oid::integer, :relation::regclass::oid::integer);

-- name: known_days
-- Every day that has orders or was refreshed, and between these every day that has checkouts or
-- carts: what a cart says of its time may lie anywhere, and no table is to reach there.
with
certain as (
    select placed_on as day
    from shop.orders
    union
    select day
    from analytics.daily_sales
    union
    select day
    from analytics.cart_funnel
),

claimed as (
    select (submitted_at at time zone 'UTC')::date as day
    from shop.checkouts
    union
    select created_on as day
    from analytics.cart_sightings
)

select day
from certain
union
select day
from claimed
where
    day > (select min(certain.day) from certain)
    and day < (select max(certain.day) from certain)
order by day;
