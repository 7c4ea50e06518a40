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
