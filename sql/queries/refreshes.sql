-- What the analytics tables were made from, and what there is to make them from now.

-- name: days_of_shop^
-- The first and the newest day of an order or a return; null where there is none.
select
    day_range.first_day,
    day_range.newest_day
from shop.day_range;

-- name: noted_changes
-- How often each day changed; the day is null for what belongs to no day.
select
    day_changes.day,
    sum(day_changes.changes)::bigint as changes
from ops.day_changes
group by day_changes.day;

-- name: waiting_since$
-- When the oldest change was made that came after the refreshes of these days and tables.
with refreshes as (
    select
        refreshed_days.day,
        min(refreshed_days.refreshed_at) as refreshed_at
    from ops.refreshed_days
    where refreshed_days.table_name = any(:by_day::text[]) and refreshed_days.day = any(:stale_days::date[])
    group by refreshed_days.day
    union all
    select
        null as day,
        min(refreshed_tables.refreshed_at) as refreshed_at
    from ops.refreshed_tables
    where refreshed_tables.table_name = any(:whole::text[])
)

select min(day_changes.changed_at)
from ops.day_changes
left join refreshes on day_changes.day is not distinct from refreshes.day
where
    (day_changes.day = any(:stale_days::date[]) or day_changes.day is null)
    and (refreshes.refreshed_at is null or day_changes.changed_at > refreshes.refreshed_at);

-- name: changes_of_days
-- How often each of these days changed, of those that did.
select
    day_changes.day,
    sum(day_changes.changes)::bigint as changes
from ops.day_changes
where day_changes.day = any(:days)
group by day_changes.day;

-- name: refreshed_days
-- What each day of each table was last made from.
select
    refreshed_days.table_name,
    refreshed_days.day,
    refreshed_days.changes,
    refreshed_days.is_day_of_shop
from ops.refreshed_days;

-- name: refreshed_among
-- Those of these days of which a table was ever made.
select refreshed_days.day
from ops.refreshed_days
where
    refreshed_days.table_name = :table_name
    and refreshed_days.day = any(:days);

-- name: refreshed_tables
-- How often each table changed, and what those refreshed as a whole were last made from.
select
    refreshed_tables.table_name,
    refreshed_tables.version,
    refreshed_tables.made_from
from ops.refreshed_tables;

-- name: record_days!
-- Notes what these days of a table were made from.
insert into ops.refreshed_days as known (table_name, day, changes, is_day_of_shop)
select
    :table_name,
    made.day,
    made.changes,
    made.is_day_of_shop
from
    unnest(:days::date[], :changes::bigint[], :are_days_of_shop::boolean[])
        as made (day, changes, is_day_of_shop)
on conflict (table_name, day) do update
    set
        changes = excluded.changes,
        is_day_of_shop = excluded.is_day_of_shop,
        refreshed_at = clock_timestamp()
    where
    known.changes <> excluded.changes
    or known.is_day_of_shop <> excluded.is_day_of_shop;

-- name: record_table!
-- Notes that a refresh changed rows of a table, and what a table refreshed as a whole was made from.
insert into ops.refreshed_tables as known (table_name, version, made_from)
values (:table_name, :has_changed::boolean::integer, :made_from)
on conflict (table_name) do update
    set
        version = known.version + excluded.version,
        made_from = excluded.made_from,
        refreshed_at = clock_timestamp()
    where
    excluded.version > 0
    or known.made_from is distinct from excluded.made_from;

-- name: forget_refreshes!
-- Forgets what these tables were made from, but not of which days they may have rows.
with forgotten as (
    update ops.refreshed_days
    set changes = -1
    where refreshed_days.table_name = any(:table_names::text[])
)

update ops.refreshed_tables
set made_from = null
where refreshed_tables.table_name = any(:table_names::text[]);

-- name: sum_up_changes!
-- Puts one row in place of many, of days that have many; leaves to another what that one is doing.
with summed as (
    select day_changes.day
    from ops.day_changes
    where day_changes.day = any(:days) or day_changes.day is null
    group by day_changes.day
    having count(*) > 1
),

gone as (
    delete from ops.day_changes
    using summed
    where
        pg_try_advisory_xact_lock('ops.day_changes'::regclass::oid::bigint)
        and day_changes.day is not distinct from summed.day
    returning
        day_changes.day,
        day_changes.changes,
        day_changes.changed_at
)

insert into ops.day_changes (day, changes, changed_at)
select
    gone.day,
    sum(gone.changes) as changes,
    max(gone.changed_at) as changed_at
from gone
group by gone.day;
