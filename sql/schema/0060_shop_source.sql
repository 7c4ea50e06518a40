-- Whether the shop's rows are made up or a real shop's. The first command that fills it says so, in
-- the transaction of its first rows; from then on nothing is generated into a shop of files.

create table ops.shop (
    only_row boolean primary key default true,
    source text not null,
    filled_at timestamptz not null default now(),
    constraint shop_has_one_row check (only_row),
    constraint shop_source_is_known check (source in ('generated', 'files'))
);

comment on table ops.shop is 'One row once the shop has rows: where they come from.';
comment on column ops.shop.only_row is 'True; the key, so that there is no second row.';
comment on column ops.shop.source is
'generated: made up by the pipeline; files: loaded by `ecom ingest`, and nothing is made up beside.';
comment on column ops.shop.filled_at is 'Instant of the first command that filled the shop, UTC.';

-- A shop that was filled before: files leave their counts in ops.loads.
insert into ops.shop (source)
select case when exists (select from ops.loads) then 'files' else 'generated' end
where
    exists (select from ops.loads)
    or exists (select from shop.customers)
    or exists (select from shop.products)
    or exists (select from shop.orders);

select ops.grant_rights();
