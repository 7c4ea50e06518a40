-- Which days changed since the tables made from them were refreshed. The database itself keeps the
-- count, in the transaction that changes the rows, so that it is right whoever changed them, and
-- whatever became of them afterwards.

create table ops.day_changes (
    change_id bigint generated always as identity primary key,
    day date,
    changes bigint not null,
    changed_at timestamptz not null default clock_timestamp(),
    constraint day_changes_are_counted check (changes > 0)
);

comment on table ops.day_changes is
'How often the shop''s rows of each day changed: the sum of changes over the rows of the day. Rows
are only added, so that no two writers wait for each other, and are summed up by a refresh.';
comment on column ops.day_changes.day is
'UTC day of the changed orders, items, checkouts or carts; null for what belongs to no day, such as
products and deliveries.';
comment on column ops.day_changes.changes is 'Number of changes that this row stands for.';
comment on column ops.day_changes.changed_at is 'Instant of the last of them, UTC.';

-- Serves: the changes of the days that are refreshed.
create index day_changes_day on ops.day_changes (day);

create table ops.refreshed_days (
    table_name text not null,
    day date not null,
    changes bigint not null,
    is_day_of_shop boolean not null,
    refreshed_at timestamptz not null default clock_timestamp(),
    primary key (table_name, day)
);

comment on table ops.refreshed_days is
'One row per day of an analytics table that is refreshed by day: what the day was last made from. It
is up to date when that is what there is now.';
comment on column ops.refreshed_days.table_name is 'Name of the table, without its schema.';
comment on column ops.refreshed_days.day is 'UTC day.';
comment on column ops.refreshed_days.changes is
'Sum of ops.day_changes of the day when it was refreshed; -1 where that is not known.';
comment on column ops.refreshed_days.is_day_of_shop is
'Whether the day lay between the first and the newest day of an order then.';

comment on column ops.refreshed_days.refreshed_at is 'Instant of that refresh, UTC.';

create table ops.refreshed_tables (
    table_name text primary key,
    version bigint not null default 0,
    made_from bigint,
    refreshed_at timestamptz not null default clock_timestamp()
);

comment on table ops.refreshed_tables is
'One row per analytics table, and one for the cache: how often it changed, and for what is refreshed
as a whole, what it was last made from. It is up to date when that is what there is now.';
comment on column ops.refreshed_tables.table_name is 'Name of the table, without its schema.';
comment on column ops.refreshed_tables.version is 'How many refreshes changed a row of it.';
comment on column ops.refreshed_tables.made_from is
'Sum of the versions of the analytics tables that it reads and, where it reads tables of the shop, of
all of ops.day_changes, at its last refresh; null for what is refreshed by day.';
comment on column ops.refreshed_tables.refreshed_at is
'Instant of the last refresh that found something new, UTC.';

-- What was refreshed before anybody took notes is refreshed once more.
do $$
declare
    table_name text;
begin
    foreach table_name in array '{daily_sales, cart_funnel}'::text[] loop
        if to_regclass(format('analytics.%I', table_name)) is not null then
            execute format(
                'insert into ops.refreshed_days (table_name, day, changes, is_day_of_shop) '
                'select %L, day, -1, true from analytics.%I',
                table_name, table_name
            );
        end if;
    end loop;
end
$$;

insert into ops.refreshed_tables (table_name)
select name
from ops.analytics_definitions
union all
select 'top_sellers_cache' as name
where exists (select from ops.analytics_definitions);

create function ops.note_changed_days(days date[])
returns void
language sql
as $$
    insert into ops.day_changes (day, changes)
    select distinct unnest(days), 1
$$;

comment on function ops.note_changed_days is
'Notes that rows of these days changed; null stands for what belongs to no day. Called by the
triggers, and for what no trigger sees: a month that is attached whole, and carts in Mongo.';

create function ops.note_placed_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select distinct placed_on, 1 from changed;
    return null;
end
$$;

comment on function ops.note_placed_days is
'Trigger of orders and their items, after an insert or a delete: notes the days of the rows.';

create function ops.note_replaced_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select placed_on, 1 from changed
    union
    select placed_on, 1 from replaced;
    return null;
end
$$;

comment on function ops.note_replaced_days is
'Trigger of orders and their items, after an update: notes the days before and after it.';

create function ops.note_submitted_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select distinct (submitted_at at time zone 'UTC')::date, 1
    from changed
    where submitted_at is not null;
    return null;
end
$$;

comment on function ops.note_submitted_days is
'Trigger of checkouts, after an insert: notes the days on which the carts were submitted. What is
written to a checkout later, in another transaction, is only that its effects are done.';

create function ops.note_undated_changes()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from changed) then
        insert into ops.day_changes (day, changes) values (null, 1);
    end if;
    return null;
end
$$;

comment on function ops.note_undated_changes is
'Trigger of products and stock receipts, after an insert, a delete, or an update of receipts.';

create function ops.note_changed_products()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select sku, name, category, price, attributes, product_id from changed
        except
        select sku, name, category, price, attributes, product_id from replaced
    ) then
        insert into ops.day_changes (day, changes) values (null, 1);
    end if;
    return null;
end
$$;

comment on function ops.note_changed_products is
'Trigger of products, after an update: notes a change of what they are. Their stock changes with
checkouts and receipts, which note it themselves.';

create trigger note_inserted_days after insert on shop.orders
referencing new table as changed
for each statement execute function ops.note_placed_days();

create trigger note_deleted_days after delete on shop.orders
referencing old table as changed
for each statement execute function ops.note_placed_days();

create trigger note_updated_days after update on shop.orders
referencing old table as replaced new table as changed
for each statement execute function ops.note_replaced_days();

create trigger note_inserted_days after insert on shop.order_items
referencing new table as changed
for each statement execute function ops.note_placed_days();

create trigger note_deleted_days after delete on shop.order_items
referencing old table as changed
for each statement execute function ops.note_placed_days();

create trigger note_updated_days after update on shop.order_items
referencing old table as replaced new table as changed
for each statement execute function ops.note_replaced_days();

create trigger note_inserted_days after insert on shop.checkouts
referencing new table as changed
for each statement execute function ops.note_submitted_days();

create trigger note_inserted after insert on shop.stock_receipts
referencing new table as changed
for each statement execute function ops.note_undated_changes();

create trigger note_deleted after delete on shop.stock_receipts
referencing old table as changed
for each statement execute function ops.note_undated_changes();

create trigger note_updated after update on shop.stock_receipts
referencing new table as changed
for each statement execute function ops.note_undated_changes();

create trigger note_inserted after insert on shop.products
referencing new table as changed
for each statement execute function ops.note_undated_changes();

create trigger note_deleted after delete on shop.products
referencing old table as changed
for each statement execute function ops.note_undated_changes();

create trigger note_updated after update on shop.products
referencing old table as replaced new table as changed
for each statement execute function ops.note_changed_products();

create or replace function shop.attach_month(month date)
returns void
language plpgsql
as $$
declare
    first_day constant date := date_trunc('month', month);
    next_month constant date := first_day + interval '1 month';
    orders_name constant text := shop.month_partition('orders', month);
    items_name constant text := shop.month_partition('order_items', month);
    filled date[];
begin
    -- The foreign keys lock what they point to; in the order in which a checkout locks it.
    lock table shop.checkouts, shop.products, shop.customers in share row exclusive mode;
    execute format(
        'alter table shop.orders attach partition shop.%I for values from (%L) to (%L)',
        orders_name, first_day, next_month
    );
    execute format(
        'alter table shop.order_items attach partition shop.%I for values from (%L) to (%L)',
        items_name, first_day, next_month
    );
    -- Partition to partition: checked against one month's orders, however many months there are.
    execute format(
        'alter table shop.%I add foreign key (order_id, placed_on) '
        'references shop.%I (order_id, placed_on) deferrable',
        items_name, orders_name
    );
    execute format('analyze shop.%I, shop.%I', orders_name, items_name);
    -- What was copied before the tables were attached, no trigger has seen.
    execute format(
        'select array_agg(day::date) '
        'from generate_series(%L::date, %L::date - 1, interval ''1 day'') as day '
        'where exists (select from shop.%I as placed where placed.placed_on = day::date)',
        first_day, next_month, orders_name
    )
    into filled;
    perform ops.note_changed_days(filled);
end
$$;

select ops.grant_rights();
