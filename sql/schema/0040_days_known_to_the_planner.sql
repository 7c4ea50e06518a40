-- What the planner knows of a day. It keeps a list of the days of each table, and of a day that is
-- not on it expects one row, which makes a nested loop over all of the day's rows look cheap: a
-- query of milliseconds then takes a minute, until autovacuum comes by.

create function ops.learn_days(target regclass, days date[], days_column text)
returns void
language plpgsql
-- A sample of 3,000 rows tells one day from many; docs/adr/0006 has what 30,000 cost.
set default_statistics_target = 10
as $$
declare
    part regclass;
begin
    for part in
        execute format(
            'select distinct tableoid::regclass from %s where %I = any($1)', target, days_column
        )
        using days
    loop
        execute format('analyze %s (%I)', part, days_column);
    end loop;
end
$$;

comment on function ops.learn_days is
'Makes the planner know how many rows days have, after many were written.

target: a table, partitioned or not; of its partitions just those that hold rows of the days.
days_column: its column that holds the day.
A sample is read, of that column alone, which is no larger for a larger table.';

select ops.grant_rights();
