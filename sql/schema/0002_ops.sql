-- What the pipeline keeps of itself.

create schema ops;

comment on schema ops is 'The pipeline''s own books: loads, quarantine, query plans.';

create table ops.quarantine (
    source text not null,
    line bigint not null,
    row jsonb not null,
    reason text not null,
    quarantined_at timestamptz not null default now(),
    primary key (source, line)
);

comment on table ops.quarantine is
'One row per input row that could not be used: what it said and why it was refused.';
comment on column ops.quarantine.source is 'Where the row came from, such as a file''s name.';
comment on column ops.quarantine.line is 'Number of the record in its source; a file''s header is 1.';
comment on column ops.quarantine.row is 'The row as read; may hold personal data.';
comment on column ops.quarantine.reason is 'Machine-readable code, a colon, and what was expected.';

create table ops.loads (
    source text primary key,
    rows_read bigint not null,
    rows_accepted bigint not null,
    rows_quarantined bigint not null,
    loaded_at timestamptz not null default now()
);

comment on table ops.loads is 'One row per source: the counts of its newest load.';

create schema analytics;

comment on schema analytics is 'Tables for analysts, made from shop; defined in sql/analytics.';
