-- The loads of directories of files, from their first write to their last.

-- name: begin$
-- Notes a load that is about to write.
insert into ops.ingests (directory, files, options, process)
values (:directory, :files::jsonb, :options::text[], :process)
returning ingest_id;

-- name: finish!
-- Notes its last write, in the transaction of that.
update ops.ingests
set finished_at = clock_timestamp()
where ingests.ingest_id = :ingest_id;

-- name: unfinished
-- The newest load of each directory, of those that did not come to their end and after which
-- neither the directory nor the same files elsewhere were loaded to the end by the same options.
select distinct on (unfinished.directory)
    unfinished.directory,
    unfinished.options,
    unfinished.begun_at,
    unfinished.process
from ops.ingests as unfinished
where
    unfinished.finished_at is null
    and not exists (
        select 1
        from ops.ingests as later
        where
            later.ingest_id > unfinished.ingest_id
            and later.finished_at is not null
            and later.options @> unfinished.options
            and (later.directory = unfinished.directory or later.files = unfinished.files)
    )
order by
    unfinished.directory asc,
    unfinished.ingest_id desc;

-- name: newest_finished^
-- The end of the newest load that came to it, and its process.
select
    ingests.finished_at,
    ingests.process
from ops.ingests
where ingests.finished_at is not null
order by ingests.ingest_id desc
limit 1;
