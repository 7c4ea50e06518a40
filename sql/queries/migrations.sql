-- name: applied_migrations
-- Names of the schema's files that were applied; yoyo keeps them.
select applied.migration_id
from _yoyo_migration as applied;

-- name: lock_migrations$
-- One migrator at a time; held until the session ends, so that a killed one leaves no lock.
select pg_advisory_lock(hashtext('ecom_pipeline.migrations'));
