-- What the queries' plans were, each time somebody looked.

create table ops.query_plans (
    captured_at timestamptz not null,
    name text not null,
    index_name text,
    orders bigint not null,
    rows_returned bigint not null,
    with_ms numeric(12, 3) not null,
    without_ms numeric(12, 3),
    with_buffers bigint not null,
    without_buffers bigint,
    used boolean not null,
    node text not null,
    method text not null,
    verdict text not null,
    plan jsonb not null,
    primary key (captured_at, name)
);

comment on table ops.query_plans is
'One row per capture and query: how it ran with the index that serves it, and how without.';
comment on column ops.query_plans.captured_at is 'Instant of the capture, the same in all its rows.';
comment on column ops.query_plans.name is 'The query: what it is for, and its name.';
comment on column ops.query_plans.index_name is
'The index that serves it; null where none is meant to.';
comment on column ops.query_plans.orders is
'The scale: how many orders the shop had, as daily_sales counts them.';
comment on column ops.query_plans.rows_returned is 'Rows that the query returned.';
comment on column ops.query_plans.with_ms is
'Milliseconds of execution on warm pages, with all indexes.';
comment on column ops.query_plans.without_ms is
'Milliseconds without the index; null where there is none, or the time limit passed.';
comment on column ops.query_plans.with_buffers is 'Pages of 8 kB read, from memory or not.';
comment on column ops.query_plans.without_buffers is 'Pages read without the index.';
comment on column ops.query_plans.used is 'Whether the plan used the index.';
comment on column ops.query_plans.node is
'The topmost node that reads a table in another way without the index: with, then without.';
comment on column ops.query_plans.method is
'hidden: just this index, from the planner; switched off: every use of any index.';
comment on column ops.query_plans.verdict is 'Whether the index earns its keep.';
comment on column ops.query_plans.plan is 'The plan with the index, as EXPLAIN gave it.';

-- No query asks for it: a day's checkouts are found by checkouts_submitted_on.
drop index shop.checkouts_submitted_at;

select ops.grant_rights();
