-- name: lock_sightings!
-- The lock of ops.merge, taken before the carts are read: what is merged last was read last.
select pg_advisory_xact_lock(
    'ops.merge'::regproc::oid::integer, 'analytics.cart_sightings'::regclass::oid::integer
);

-- name: make_seen_carts!
-- A place for what Mongo shows of carts, until the end of the transaction.
create temporary table seen_carts (
    cart_id text primary key,
    created_on date,
    submitted_on date,
    status text not null,
    product_ids bigint[] not null,
    quantities integer[] not null
) on commit drop;

-- name: add_seen_carts!
-- Adds carts from a JSON list of objects whose names are the columns of seen_carts.
insert into seen_carts (cart_id, created_on, submitted_on, status, product_ids, quantities)
select
    cart_id,
    created_on,
    submitted_on,
    status,
    product_ids,
    quantities
from
    jsonb_to_recordset(:carts::jsonb) as carts (
        cart_id text,
        created_on date,
        submitted_on date,
        status text,
        product_ids bigint[],
        quantities integer[]
    )
on conflict (cart_id) do nothing;

-- name: stage_sightings!
-- What is known of the seen carts, and of those whose checkout was submitted on one of `days`: a
-- checkout is a sighting too, of a cart that is gone from Mongo. Once submitted, always submitted.
create temporary table staged_cart_sightings on commit drop as
with
checkouts as (
    select
        cart_id,
        shop.day_of(cart_created_at) as created_on,
        shop.day_of(submitted_at) as submitted_on
    from shop.checkouts
    where shop.day_of(submitted_at) = any(:days)
),

seen as (
    select
        coalesce(checkouts.cart_id, seen_carts.cart_id) as cart_id,
        coalesce(checkouts.created_on, seen_carts.created_on) as created_on,
        coalesce(checkouts.submitted_on, seen_carts.submitted_on) as submitted_on,
        case when checkouts.cart_id is null then seen_carts.status else 'submitted' end as status,
        seen_carts.product_ids,
        seen_carts.quantities
    from checkouts
    full join seen_carts on checkouts.cart_id = seen_carts.cart_id
),

known as (
    select
        cart_id,
        created_on,
        submitted_on,
        status
    from analytics.cart_sightings
),

sightings as (
    select
        seen.cart_id,
        coalesce(seen.created_on, known.created_on) as created_on,
        coalesce(seen.submitted_on, known.submitted_on) as submitted_on,
        case when known.status = 'submitted' then 'submitted' else seen.status end as status,
        seen.product_ids,
        seen.quantities
    from seen
    left join known on seen.cart_id = known.cart_id
)

select
    cart_id,
    created_on,
    submitted_on,
    status,
    case when status = 'active' then product_ids else '{}' end as product_ids,
    case when status = 'active' then quantities else '{}' end as quantities
from sightings;

-- name: moved_days
-- Other days that the staged sightings change: where a cart was begun or submitted, by what was
-- known and by what is known now.
with
staged as (
    select
        cart_id,
        created_on,
        submitted_on,
        status
    from staged_cart_sightings
),

known as (
    select
        cart_id,
        created_on,
        submitted_on,
        status
    from analytics.cart_sightings
),

changed as (
    select
        staged.created_on,
        staged.submitted_on,
        known.created_on as known_created_on,
        known.submitted_on as known_submitted_on
    from staged
    left join known on staged.cart_id = known.cart_id
    where
        (staged.created_on, staged.submitted_on, staged.status)
        is distinct from (known.created_on, known.submitted_on, known.status)
),

moved as (
    select unnest(array[created_on, submitted_on, known_created_on, known_submitted_on]) as day
    from changed
)

select distinct day
from moved
where day <> all(:days);
