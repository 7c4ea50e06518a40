-- name: applied_migrations
-- Names of the schema's files that were applied.
select applied.migration_id
from _yoyo_migration as applied;

-- name: lock_migrations$
-- One migrator at a time; held until the session ends, so that a killed one leaves no lock.
select pg_advisory_lock(hashtext('ecom_pipeline.migrations'));

-- name: make_migration_table#
-- As yoyo made it; not by `if not exists`, for which a role needs the right to make tables.
do $$
begin
    if to_regclass('_yoyo_migration') is null then
        create table _yoyo_migration (
            migration_hash varchar(64) primary key,
            migration_id varchar(255),
            applied_at_utc timestamp
        );
    end if;
end
$$;

-- name: note_migration!
-- Notes a file of the schema as applied.
insert into _yoyo_migration (migration_hash, migration_id, applied_at_utc)
values (
    encode(sha256(convert_to(:migration, 'UTF8')), 'hex'),
    :migration,
    now() at time zone 'UTC'
);
