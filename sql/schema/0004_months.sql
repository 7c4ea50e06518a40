-- Monthly partitions of orders and their items, made on demand.

create function shop.month_partition(parent text, month date)
returns text
language sql
immutable
return parent || to_char(month, '_YYYY_MM');

comment on function shop.month_partition is
'Name of the partition of a parent, orders or order_items, for the month that a day lies in.';

create function shop.create_month(month date)
returns boolean
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(
        'shop.create_month'::regproc::oid::integer, to_char(month, 'YYYYMM')::integer
    );
    if to_regclass(format('shop.%I', shop.month_partition('orders', month))) is not null then
        return false;
    end if;
    execute format(
        'create table shop.%I (like shop.orders including defaults including constraints)',
        shop.month_partition('orders', month)
    );
    execute format(
        'create table shop.%I (like shop.order_items including defaults including constraints)',
        shop.month_partition('order_items', month)
    );
    return true;
end
$$;

comment on function shop.create_month is
'Makes a month''s two tables, bare and not yet attached, so that a bulk load fills them at the speed
of plain COPY. Returns false, and does nothing, when the month exists. The same transaction must
call shop.attach_month.';

create function shop.attach_month(month date)
returns void
language plpgsql
as $$
declare
    first_day constant date := date_trunc('month', month);
    next_month constant date := first_day + interval '1 month';
    orders_name constant text := shop.month_partition('orders', month);
    items_name constant text := shop.month_partition('order_items', month);
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
end
$$;

comment on function shop.attach_month is
'Builds the indexes of a month''s two tables, checks their foreign keys set-wise and attaches them.
Fails, and with it the load, when a row breaks a constraint.';

create function shop.ensure_month(month date)
returns void
language plpgsql
as $$
begin
    if shop.create_month(month) then
        perform shop.attach_month(month);
    end if;
end
$$;

comment on function shop.ensure_month is
'Makes and attaches a month''s empty partitions if they are missing.';
