-- What was loaded from an inbox, and what could not be.

-- name: take_turn!
-- Waits until nobody else loads from the inbox; then the session keeps others waiting.
select pg_advisory_lock(hashtext('ecom inbox'), hashtext(:directory));

-- name: loaded
-- The files as they were when they were loaded last.
select
    inbox_files.name,
    inbox_files.size_in_bytes,
    inbox_files.modified_ns,
    inbox_files.changed_ns,
    inbox_files.digest,
    inbox_files.mapping
from ops.inbox_files
where inbox_files.directory = :directory;

-- name: remember_loaded!
-- Notes files as loaded.
insert into ops.inbox_files (
    directory, name, size_in_bytes, modified_ns, changed_ns, digest, mapping
)
select
    :directory,
    arrived.name,
    arrived.size_in_bytes,
    arrived.modified_ns,
    arrived.changed_ns,
    arrived.digest,
    :mapping
from
    jsonb_to_recordset(:files::jsonb)
        as arrived (
            name text, size_in_bytes bigint, modified_ns bigint, changed_ns bigint, digest text
        )
on conflict (directory, name) do update
    set
        size_in_bytes = excluded.size_in_bytes,
        modified_ns = excluded.modified_ns,
        changed_ns = excluded.changed_ns,
        digest = excluded.digest,
        mapping = excluded.mapping,
        loaded_at = excluded.loaded_at;

-- name: remember_failure!
-- Notes that the files, as they are, cannot be loaded.
insert into ops.inbox_failures (directory, arrival, error)
values (:directory, :arrival, :error)
on conflict (directory) do update
    set
        arrival = excluded.arrival,
        error = excluded.error,
        failed_at = excluded.failed_at;

-- name: forget_failure!
-- Notes that what could not be loaded is settled.
delete from ops.inbox_failures
where inbox_failures.directory = :directory;

-- name: failure^
-- What could not be loaded, and why.
select
    inbox_failures.arrival,
    inbox_failures.error,
    inbox_failures.failed_at
from ops.inbox_failures
where inbox_failures.directory = :directory;
