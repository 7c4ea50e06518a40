-- Rows that a mapping made of raw files: where in those they come from.

alter table ops.quarantine
add column file text;

comment on column ops.quarantine.file is
'The raw file that a mapping made the row from, whose record `line` counts; null where the source is
that file itself.';

create or replace view ops.refusals as
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
    end as amount,
    refused.file
from ops.quarantine as refused
left join refused_orders
    on
        refused.subject = refused_orders.subject
        and refused.table_name in ('orders', 'order_items')
left join refused_lines
    on refused.subject = refused_lines.subject and refused.table_name = 'orders';
