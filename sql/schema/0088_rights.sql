-- The rights of the three groups, as 0020 has them, with what came since.

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
    -- The update is no more than leave to lock a row: nobody can change a number that is generated.
    grant select, insert (product_id), update (move_id), delete on shop.moved_stock to ecom_shop;
    grant
        select,
        insert,
        update (outcome, order_id, reason, detail, effects_applied_at)
    on shop.checkouts to ecom_shop;
    grant usage on sequence shop.checkout_order_ids to ecom_shop;
    grant insert on shop.orders to ecom_shop;
    grant select, insert on shop.order_items to ecom_shop;
    grant
        select,
        insert (
            return_id,
            line_number,
            returned_at,
            returned_on,
            order_id,
            order_line_number,
            customer_id,
            product_id,
            quantity,
            amount,
            tax_amount,
            restocked
        )
    on shop.returns to ecom_shop;
    grant execute on function shop.ensure_month, shop.lock_order to ecom_shop;
end
$$;

comment on function ops.grant_to_shop is
'Lets ecom_shop do what CartService, OrderService, ReturnService and ProductService do, and revokes
all else.';

create or replace function ops.grant_to_analyst()
returns void
language plpgsql
as $$
begin
    revoke all on all tables in schema shop, ops, analytics from ecom_analyst;
    grant usage on schema analytics, shop to ecom_analyst;
    grant select on all tables in schema analytics to ecom_analyst;
    -- A table whose definition changes is made anew, by a log-in of the pipeline or its group.
    alter default privileges in schema analytics grant select on tables to ecom_analyst;
    if pg_has_role(current_user, to_regrole('ecom_pipeline'), 'usage') then
        alter default privileges for role ecom_pipeline in schema analytics
        grant select on tables to ecom_analyst;
    end if;

    grant select (customer_id, city, country, signed_up_at) on shop.customers to ecom_analyst;
    grant select on shop.products, shop.stock_receipts to ecom_analyst;
    grant
        select
    on shop.orders, shop.order_items, shop.returns, shop.day_range, shop.external_ids
    to ecom_analyst;
    -- Without detail, which repeats whatever stood in a malformed cart.
    grant
        select (
            cart_id,
            customer_id,
            outcome,
            order_id,
            reason,
            cart_created_at,
            submitted_at,
            decided_at,
            effects_applied_at
        )
    on shop.checkouts to ecom_analyst;
end
$$;

create or replace function ops.grant_rights()
returns void
language plpgsql
as $$
begin
    -- The application may have partitions made, as the owner, but by no other means.
    revoke execute on all functions in schema shop, ops from public;
    -- Of a value alone, or of none; constraints and indexes ask them, whoever writes.
    grant
        execute
    on function shop.day_of, shop.is_checkout, shop.time_zone, shop.currency to public;
    alter function shop.ensure_month security definer set search_path = pg_catalog, pg_temp;

    if to_regrole('ecom_pipeline') is not null then
        begin
            perform ops.hand_over_to_pipeline();
        exception when insufficient_privilege then
            raise notice '% stays the owner: %', current_user, sqlerrm;
        end;
    end if;
    if to_regrole('ecom_shop') is not null then
        perform ops.grant_to_shop();
    end if;
    if to_regrole('ecom_analyst') is not null then
        perform ops.grant_to_analyst();
    end if;
end
$$;

select ops.grant_rights();
