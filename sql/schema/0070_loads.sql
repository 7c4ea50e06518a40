-- A shop's own files: orders that move to another day, a quarantine that forgets nothing, and the
-- loads themselves, so that one that was broken off is known.

create function shop.leave_former_days(given regclass, first_id bigint, last_id bigint)
returns table (placed_on date, orders bigint, items bigint)
language plpgsql
as $$
declare
    moved bigint[];
    former date[];
begin
    -- The same question that every load asks anyway; mostly there is nothing more to do.
    execute format(
        'select array_agg(twice.order_id) '
        'from ('
        '    select o.order_id from shop.orders as o '
        '    where o.order_id between $1 and $2 group by o.order_id having count(*) > 1'
        ') as twice '
        'where exists (select from %s as g where g.order_id = twice.order_id)',
        given
    )
    into moved
    using first_id, last_id;
    if moved is null then
        return;
    end if;

    set constraints all deferred;
    execute format(
        'with gone as ('
        '    delete from shop.orders as o '
        '    where o.order_id = any($1) and o.channel = ''import'' and not exists ('
        '        select from %s as g where g.order_id = o.order_id and g.placed_on = o.placed_on'
        '    ) '
        '    returning o.order_id, o.placed_on'
        ') '
        'select array_agg(gone.order_id), array_agg(gone.placed_on) from gone',
        given
    )
    into moved, former
    using moved;

    return query
    with places as (
        select
            place.order_id,
            place.day
        from unnest(moved, former) as place (order_id, day)
    ),

    gone as (
        delete from shop.order_items as lines
        where
            lines.placed_on = any(former)
            and lines.order_id = any(moved)
            and (lines.order_id, lines.placed_on) in (
                select
                    places.order_id,
                    places.day
                from places
            )
        returning lines.placed_on as day
    )

    select
        places.day,
        count(*),
        (select count(*) from gone where gone.day = places.day)
    from places
    group by places.day;
end
$$;

comment on function shop.leave_former_days is
'Deletes imported orders, with their items, from other days than those on which they are given now.

given: a table with the order_id and placed_on of orders that stand in shop.orders already.
first_id, last_id: the range of their ids.
Returns the days that orders left, with the numbers of orders and items deleted there.';

create table ops.ingests (
    ingest_id bigint generated always as identity,
    directory text not null,
    files jsonb not null,
    options text[] not null default '{}',
    process text not null,
    begun_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint ingests_pkey primary key (ingest_id)
);

comment on table ops.ingests is
'One row per load of a directory of files that came so far as to write.';
comment on column ops.ingests.directory is 'Where the files were.';
comment on column ops.ingests.files is 'Their names, each with its size in bytes.';
comment on column ops.ingests.options is 'Options of the command that say which orders go.';
comment on column ops.ingests.process is 'Host, id and start of the process that loads or loaded.';
comment on column ops.ingests.begun_at is 'Instant before the first write, UTC.';
comment on column ops.ingests.finished_at is
'Instant of the last write, UTC; null while it goes on, and for ever where it was broken off.';

alter table ops.quarantine
drop constraint quarantine_pkey,
add column table_name text not null default '',
add column subject text not null default gen_random_uuid()::text,
add column occurrence integer not null default 1,
add column amount numeric(20, 2),
add column of_newest_load boolean not null default true;

update ops.quarantine
set
    table_name = split_part(source, '.', 1),
    subject = coalesce(
        left(
            nullif(
                trim(
                    case split_part(source, '.', 1)
                        when 'customers' then row ->> 'customer_id'
                        when 'products' then row ->> 'product_id'
                        when 'stock_receipts'
                            then (row ->> 'product_id') || '+' || (row ->> 'received_on')
                        else row ->> 'order_id'
                    end
                ),
                ''
            ),
            100
        ),
        source || ':' || md5(row::text)
    );

update ops.quarantine
set occurrence = numbered.occurrence
from (
    select
        quarantine.source,
        quarantine.line,
        row_number() over (
            partition by quarantine.table_name, quarantine.subject
            order by quarantine.source, quarantine.line
        ) as occurrence
    from ops.quarantine
) as numbered
where quarantine.source = numbered.source and quarantine.line = numbered.line;

alter table ops.quarantine
add constraint quarantine_pkey primary key (table_name, subject, occurrence);

comment on table ops.quarantine is
'One row per input row that could not be used: what it said and why it was refused. It stays until
a later file says something else of its subject, or somebody discards it.';
comment on column ops.quarantine.line is
'Number of the record in its source as it was last read; a file''s header is 1.';
comment on column ops.quarantine.quarantined_at is 'Since when it waits, UTC.';
comment on column ops.quarantine.table_name is 'Table of shop that the row was meant for.';
comment on column ops.quarantine.subject is
'What the row is about: its key as far as it can be read, of an order''s item that of the order;
otherwise a digest of the row.';
comment on column ops.quarantine.occurrence is
'Number of the row among those of its table and subject.';
comment on column ops.quarantine.amount is
'Money that is missing with this row alone: of an item quantity * unit_price; of an order what its
total says beyond those of its items that can be read; null where it says none.';
comment on column ops.quarantine.of_newest_load is
'Whether the newest load of its source refused it; otherwise an earlier one did.';

alter table ops.loads
add column amount_read numeric(20, 2),
add column amount_accepted numeric(20, 2),
add column amount_quarantined numeric(20, 2),
add column rows_settled bigint not null default 0,
add column amount_settled numeric(20, 2) not null default 0;

comment on column ops.loads.amount_read is
'Money in the rows read, as the comment on ops.quarantine.amount counts it; null where there is none.';
comment on column ops.loads.amount_accepted is 'Money in the rows accepted.';
comment on column ops.loads.amount_quarantined is 'Money in the rows quarantined.';
comment on column ops.loads.rows_settled is
'Of the rows quarantined, those that are there no more: a later file, of whatever name, said
something else of their subject, or somebody discarded them.';
comment on column ops.loads.amount_settled is 'Money in the rows settled.';

create view ops.refusals as
with refused_orders as (
    select
        quarantine.subject,
        min(quarantine.occurrence) as occurrence
    from ops.quarantine
    where quarantine.table_name = 'orders' and quarantine.reason <> 'order_id: duplicate'
    group by quarantine.subject
),

refused_lines as (
    select
        quarantine.subject,
        sum(quarantine.amount) as amount
    from ops.quarantine
    where quarantine.table_name = 'order_items'
    group by quarantine.subject
)

select
    refused.source,
    refused.table_name,
    refused.subject,
    refused.line,
    refused.row,
    refused.reason,
    refused.quarantined_at,
    case
        when refused_orders.subject is null then refused.amount
        when refused.table_name = 'order_items' then null
        when refused.occurrence <> refused_orders.occurrence then refused.amount
        when refused.amount is null then refused_lines.amount
        else refused.amount + coalesce(refused_lines.amount, 0)
    end as amount
from ops.quarantine as refused
left join refused_orders
    on
        refused.subject = refused_orders.subject
        and refused.table_name in ('orders', 'order_items')
left join refused_lines
    on refused.subject = refused_lines.subject and refused.table_name = 'orders';

comment on view ops.refusals is
'The quarantine, with the money of an order''s items at the order itself where that is refused.';

create function ops.is_asked_for(source text, reason text, asked_source text, asked_reason text)
returns boolean
language sql
immutable
as $$
    select
        (asked_source is null or asked_source in (source, split_part(source, '.', 1)))
        and (
            asked_reason is null
            or asked_reason = reason
            or exists (
                select
                from unnest(string_to_array(reason, '; ')) as part
                where asked_reason in (part, split_part(part, ': ', 2))
            )
        )
$$;

comment on function ops.is_asked_for is
'Whether a refused row is one that is asked for, by the file''s name with or without its ending, and
by a reason, one of several, or its code alone; null asks for all.';

select ops.grant_rights();
