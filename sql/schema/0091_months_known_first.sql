-- A new month is analyzed as soon as its rows are there, not last.

-- As in 0050; now the planner knows the tables when the foreign keys are checked, which without that
-- sorts the orders and walks the items' index instead of joining by hash, and before anybody waits
-- for the locks. Amounts and prices, which nothing is looked up or joined by, are left to autovacuum:
-- they are the dearest to sort, and took half of the time.
create or replace function shop.attach_month(month date)
returns void
language plpgsql
as $$
declare
    first_day constant date := date_trunc('month', month);
    next_month constant date := first_day + interval '1 month';
    orders_name constant text := shop.month_partition('orders', month);
    items_name constant text := shop.month_partition('order_items', month);
    name text;
    filled date[];
begin
    foreach name in array array[orders_name, items_name] loop
        execute (
            select format('analyze shop.%I (%s)', name, string_agg(format('%I', attname), ', '))
            from pg_attribute
            where
                attrelid = format('shop.%I', name)::regclass
                and attnum > 0
                and not attisdropped
                and atttypid <> 'numeric'::regtype
        );
    end loop;
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
