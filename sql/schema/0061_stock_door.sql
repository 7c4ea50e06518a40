-- One door for all that moves a product's stock. Who has moved it refreshes the cache after the
-- commit; that this may still be undone is kept with the move: by the checkout's own row, or here.

create table shop.moved_stock (
    move_id bigint generated always as identity primary key,
    product_id bigint not null,
    moved_at timestamptz not null default clock_timestamp()
);

comment on table shop.moved_stock is
'One row per product and move of its stock by deliveries or files whose cache may still be old. Rows
are only added and, once the cache is refreshed, deleted, so that no two writers wait for each other.';
comment on column shop.moved_stock.move_id is 'Number of the move; two may commit in another order.';
comment on column shop.moved_stock.product_id is 'The product, as in shop.products.';
comment on column shop.moved_stock.moved_at is 'Instant of the move, UTC.';

create function shop.move_stock(
    product_ids bigint[], quantities bigint[], by_checkout boolean default false
)
returns setof bigint
language plpgsql
as $$
declare
    moved bigint[];
begin
    if not by_checkout then
        -- In the order in which checkouts lock them, so that no two wait for each other.
        perform from shop.products as locked
        where locked.product_id = any(product_ids)
        order by locked.product_id
        for no key update;
    end if;

    with changed as (
        update shop.products
        set
            stock = products.stock + change.quantity,
            stock_version = products.stock_version + 1
        from unnest(product_ids, quantities) as change (product_id, quantity)
        where products.product_id = change.product_id and change.quantity <> 0
        returning products.product_id
    )

    select array_agg(changed.product_id order by changed.product_id) into moved from changed;

    if not by_checkout then
        insert into shop.moved_stock (product_id) select unnest(moved);
    end if;
    return query select unnest(moved);
end
$$;

comment on function shop.move_stock is
'The one door by which stock moves: adds the units, raises stock_version, returns the products moved.

product_ids: each at most once.
quantities: units to add, in the same order; below zero to take them away.
by_checkout: whether the caller has locked the products, and rows of shop.checkouts keep that the
cache is to be refreshed; otherwise both are done here, and shop.moved_stock keeps it.';

create function shop.refuse_unfenced_stock()
returns trigger
language plpgsql
as $$
begin
    raise exception 'stock of product % was changed without raising stock_version', new.product_id
    using
        errcode = 'integrity_constraint_violation',
        hint = 'shop.move_stock is the way to move stock.';
end
$$;

comment on function shop.refuse_unfenced_stock is
'Trigger of products: a stock of the same version would never reach the cache.';

create trigger stock_moves_with_its_version before update of stock, stock_version on shop.products
for each row
when (
    new.stock_version < old.stock_version
    or (new.stock <> old.stock and new.stock_version = old.stock_version)
)
execute function shop.refuse_unfenced_stock();

create or replace function ops.grant_to_shop()
returns void
language plpgsql
as $$
begin
    revoke all on all tables in schema shop, ops, analytics from ecom_shop;
    grant usage on schema shop to ecom_shop;
    -- To see that the schema is up to date; it may not bring it there.
    grant select on _yoyo_migration to ecom_shop;

    grant select (customer_id) on shop.customers to ecom_shop;
    grant select, update (stock, stock_version) on shop.products to ecom_shop;
    grant execute on function shop.move_stock to ecom_shop;
    grant select, delete on shop.moved_stock to ecom_shop;
    grant
        select,
        insert,
        update (outcome, order_id, reason, detail, effects_applied_at)
    on shop.checkouts to ecom_shop;
    grant usage on sequence shop.checkout_order_ids to ecom_shop;
    grant insert on shop.orders to ecom_shop;
    grant select, insert on shop.order_items to ecom_shop;
    grant execute on function shop.ensure_month to ecom_shop;
end
$$;

select ops.grant_rights();
