-- Shops whose own ids are text, or numbers of more than 15 digits. Such an id becomes a number by a
-- rule (sql/queries/value_rules.sql: 2^62 and the first 62 bits of its MD5), so that it is the same
-- in whatever file it comes and no load has to look it up; what the number stands for is kept here.

create function shop.is_checkout(order_id bigint)
returns boolean
language sql
immutable
parallel safe
return order_id >= 1000000000000000 and order_id < 4611686018427387904;

comment on function shop.is_checkout is
'Whether an order''s id is one of checkout: from 10^15. Imported ids lie below, those that are text
from 2^62.';

do $$
declare
    relation regclass;
begin
    for relation in
        select 'shop.orders'::regclass
        union all
        select pg_inherits.inhrelid::regclass
        from pg_inherits
        where pg_inherits.inhparent = 'shop.orders'::regclass
    loop
        execute format(
            'alter table %s drop constraint if exists orders_channel_fits_its_ids', relation
        );
    end loop;
    alter table shop.orders
    add constraint orders_channel_fits_its_ids
    check (
        channel in ('import', 'checkout')
        and (channel = 'checkout') = shop.is_checkout(order_id)
        and (channel = 'checkout') = (cart_id is not null)
    );
end
$$;

comment on column shop.orders.order_id is
'The order: of an imported one the shop''s own number, or one for its own text from 2^62; of a
checkout from 10^15.';

create table shop.external_ids (
    kind text not null,
    id bigint not null,
    external_id text not null,
    constraint external_ids_number_stands_for_one_text primary key (kind, id),
    constraint external_ids_text_has_one_number unique (kind, external_id),
    constraint external_ids_kind_is_known check (kind in ('customer', 'product', 'order', 'return')),
    constraint external_ids_number_is_of_a_text check (id >= 4611686018427387904)
);

comment on table shop.external_ids is
'One row per id that is text, or a number of more than 15 digits, in the shop''s own files.';
comment on column shop.external_ids.kind is 'Of what it is the id: customer, product, order, return.';
comment on column shop.external_ids.id is 'The number that stands for it here.';
comment on column shop.external_ids.external_id is 'The id as the shop writes it.';

select ops.grant_rights();
