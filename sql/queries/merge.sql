-- name: merge^
-- Inserts, updates and deletes so that the target's rows in scope equal the staged ones.
select
    changes.inserted,
    changes.updated,
    changes.deleted
from ops.merge(
    :target::regclass,
    :staged::regclass,
    :key_columns::text[],
    :scope::text,
    :days::date[],
    :days_column::text
) as changes;

-- name: learn_days$
-- Makes the planner know how many rows these days have.
select ops.learn_days(:target::regclass, :days::date[], :days_column::text);
