-- What was refused of a shop's own files, and until when it stays.
-- sqlfluff:templater:placeholder:source:'text'
-- sqlfluff:templater:placeholder:reason:'text'

-- name: lock_quarantine!
-- One load or discard at a time; readers are not kept waiting.
lock table ops.quarantine in share row exclusive mode;

-- name: number_staged_rows!
-- Gives rows that are about nothing known a digest as their subject, and numbers those of each.
with named as (
    select
        staged.ctid as place,
        coalesce(staged.subject, staged.source || ':' || md5(staged.row::text)) as subject,
        row_number() over (
            partition by
                staged.table_name,
                coalesce(staged.subject, staged.source || ':' || md5(staged.row::text))
            order by staged.line
        ) as occurrence
    from staged_ops_quarantine as staged
)

update staged_ops_quarantine as staged
set
    subject = named.subject,
    occurrence = named.occurrence,
    of_newest_load = true
from named
where staged.ctid = named.place;

-- name: staged
-- How many rows are staged of each source, and the money in them.
select
    staged.source,
    count(*) as row_count,
    sum(staged.amount) as amount
from staged_ops_quarantine as staged
group by staged.source;

-- name: stage_subjects#
-- What the staged rows are about; an order and its items are replaced together.
create temporary table staged_subjects on commit drop as
select distinct
    tables.table_name,
    staged.subject
from staged_ops_quarantine as staged
cross join lateral unnest(
    case
        when staged.table_name in ('orders', 'order_items') then array['orders', 'order_items']
        else array[staged.table_name]
    end
) as tables (table_name);

-- name: open_subjects
-- What rows in quarantine are about.
select distinct
    quarantine.table_name,
    quarantine.subject
from ops.quarantine;

-- name: leave_to_earlier_loads!
-- Rows of these sources that their newest load did not refuse, an earlier one did.
update ops.quarantine
set of_newest_load = false
where
    quarantine.source = any(:sources::text[])
    and quarantine.of_newest_load
    and not exists (
        select 1
        from staged_ops_quarantine as staged
        where
            staged.table_name = quarantine.table_name
            and staged.subject = quarantine.subject
            and staged.occurrence = quarantine.occurrence
    );

-- name: of_newest_loads
-- How many rows are left that the newest load of each source refused, and the money in them.
select
    quarantine.source,
    count(*) as row_count,
    coalesce(sum(quarantine.amount), 0) as amount
from ops.quarantine
where quarantine.of_newest_load
group by quarantine.source;

-- name: settle_load!
-- Notes what is there no more of the rows that the newest load of a source refused.
update ops.loads
set
    rows_settled = loads.rows_settled + :rows,
    amount_settled = loads.amount_settled + :amount
where loads.source = :source;

-- name: summary
-- How many rows were refused of each source for each reason, the money in them, and since when.
select
    refusals.source,
    refusals.reason,
    count(*) as row_count,
    sum(refusals.amount) as amount,
    min(refusals.quarantined_at) as since
from ops.refusals
where ops.is_asked_for(refusals.source, refusals.reason, :source::text, :reason::text)
group by
    refusals.source,
    refusals.reason
order by
    refusals.source asc,
    row_count desc,
    refusals.reason asc;

-- name: summary_of_tables
-- The same, of the rows that were meant for some tables.
select
    refusals.source,
    refusals.reason,
    count(*) as row_count,
    sum(refusals.amount) as amount,
    min(refusals.quarantined_at) as since
from ops.refusals
where refusals.table_name = any(:tables::text[])
group by
    refusals.source,
    refusals.reason
order by
    row_count desc,
    refusals.source asc,
    refusals.reason asc;

-- name: refusals
-- The refused rows themselves; on demand, with an order its items.
select
    refusals.source,
    refusals.line,
    refusals.reason,
    refusals.amount,
    refusals.quarantined_at,
    refusals.row,
    refusals.file
from ops.refusals
where
    ops.is_asked_for(refusals.source, refusals.reason, :source::text, :reason::text)
    or (
        :with_items
        and refusals.table_name = 'order_items'
        and refusals.subject in (
            select quarantine.subject
            from ops.quarantine
            where
                quarantine.table_name = 'orders'
                and ops.is_asked_for(
                    quarantine.source, quarantine.reason, :source::text, :reason::text
                )
        )
    )
order by
    refusals.source,
    refusals.file,
    refusals.line,
    refusals.quarantined_at;

-- name: tables
-- The tables that the refused rows were meant for.
select distinct refusals.table_name
from ops.refusals
where
    ops.is_asked_for(refusals.source, refusals.reason, :source::text, :reason::text)
    or (
        :with_items
        and refusals.table_name = 'order_items'
        and refusals.subject in (
            select quarantine.subject
            from ops.quarantine
            where
                quarantine.table_name = 'orders'
                and ops.is_asked_for(
                    quarantine.source, quarantine.reason, :source::text, :reason::text
                )
        )
    );

-- name: discard^
-- Deletes refused rows; with an order its items. Counts them and sums their money up.
with gone_orders as (
    select quarantine.subject
    from ops.quarantine
    where
        quarantine.table_name = 'orders'
        and ops.is_asked_for(quarantine.source, quarantine.reason, :source::text, :reason::text)
),

gone as (
    delete from ops.quarantine
    where
        ops.is_asked_for(quarantine.source, quarantine.reason, :source::text, :reason::text)
        or (
            quarantine.table_name = 'order_items'
            and quarantine.subject in (
                select gone_orders.subject
                from gone_orders
            )
        )
    returning quarantine.amount
)

select
    count(*) as row_count,
    coalesce(sum(gone.amount), 0) as amount
from gone;
