-- How batch assets write: as a difference, so that what is right already is not touched.

create function ops.merge(
    target regclass,
    staged regclass,
    key_columns text[],
    scope text default 'false',
    days date[] default '{}',
    days_column text default null
)
returns table (inserted bigint, updated bigint, deleted bigint)
language plpgsql
as $$
declare
    same_key text;
    other_columns text[];
    all_columns text[];
    -- Said in every statement, so that the planner leaves other days' partitions alone.
    reach constant text := coalesce('t.' || quote_ident(days_column) || ' = any($1)', 'true');
begin
    -- One merge into a table at a time: the comparison holds until this transaction ends.
    perform pg_advisory_xact_lock('ops.merge'::regproc::oid::integer, target::oid::integer);

    select
        array_agg(quote_ident(attname) order by attnum),
        array_agg(quote_ident(attname) order by attnum) filter (where attname <> all (key_columns))
    into all_columns, other_columns
    from pg_attribute
    where attrelid = staged and attnum > 0 and not attisdropped;

    select string_agg(format('t.%1$I = s.%1$I', key_column), ' and ')
    into same_key
    from unnest(key_columns) as key_column;

    execute format(
        'delete from %s as t where %s and (%s) and not exists (select from %s as s where %s)',
        target, reach, scope, staged, same_key
    )
    using days;
    get diagnostics deleted = row_count;

    updated := 0;
    if other_columns is not null then
        execute format(
            'update %s as t set (%s) = row(%s) from %s as s '
            'where %s and %s and row(%s) is distinct from row(%s)',
            target,
            array_to_string(other_columns, ', '),
            's.' || array_to_string(other_columns, ', s.'),
            staged,
            same_key,
            reach,
            't.' || array_to_string(other_columns, ', t.'),
            's.' || array_to_string(other_columns, ', s.')
        )
        using days;
        get diagnostics updated = row_count;
    end if;

    execute format(
        'insert into %s (%s) select %s from %s as s '
        'where not exists (select from %s as t where %s and %s)',
        target,
        array_to_string(all_columns, ', '),
        's.' || array_to_string(all_columns, ', s.'),
        staged,
        target,
        same_key,
        reach
    )
    using days;
    get diagnostics inserted = row_count;

    return next;
end
$$;

comment on function ops.merge is
'Makes the target''s rows in scope equal to the staged rows, writing only what differs.

target, staged: tables; the staged one has the key and just those columns that are to be written.
key_columns: what identifies a row in both.
scope: a condition over t (a row of the target) and $1 (days), never made from input: rows that
fulfil it and are not staged are deleted. By default nothing is deleted.
days_column: where given, the merge reaches only rows of these days, and so must the staged ones.
Returns the numbers of rows inserted, updated and deleted.';
