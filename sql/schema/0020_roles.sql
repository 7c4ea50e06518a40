-- Least privilege. Three groups, into which an administrator puts log-ins (docs/deploy.md):
--
--   ecom_pipeline  owns the schemas and all that is in them
--   ecom_shop      the application: decides carts, and nothing else
--   ecom_analyst   reads the analytics tables, and the shop without personal data
--
-- Roles belong to the whole server. It may hold many such databases, all being migrated at once;
-- and the user who migrates may not be allowed to make roles. Then those that are missing get no
-- rights until somebody has made them and calls ops.grant_rights().

do $$
declare
    role_name name;
begin
    foreach role_name in array '{ecom_pipeline, ecom_shop, ecom_analyst}'::name[] loop
        begin
            if to_regrole(role_name::text) is null then
                execute format('create role %I nologin', role_name);
            end if;
        exception
            when duplicate_object or unique_violation then
                null;  -- The migration of another database was faster.
            when insufficient_privilege then
                raise notice '% may not make the role %', current_user, role_name;
        end;
    end loop;
end
$$;

create function ops.hand_over_to_pipeline()
returns void
language plpgsql
as $$
declare
    own_schema regnamespace;
    statement text;
begin
    if not pg_has_role(current_user, 'ecom_pipeline', 'usage') then
        execute format('grant ecom_pipeline to %I', current_user);
    end if;
    if not has_database_privilege('ecom_pipeline', current_database(), 'create') then
        -- A later migration may make a schema.
        execute format('grant create on database %I to ecom_pipeline', current_database());
    end if;
    foreach own_schema in array '{shop, ops, analytics}'::regnamespace[] loop
        execute format('alter schema %s owner to ecom_pipeline', own_schema);
        for statement in
            select format('alter table %s owner to ecom_pipeline', relations.oid::regclass)
            from pg_class as relations
            where
                relations.relnamespace = own_schema
                and relations.relkind in ('r', 'p', 'v', 'm')
            union all
            select format('alter routine %s owner to ecom_pipeline', routines.oid::regprocedure)
            from pg_proc as routines
            where routines.pronamespace = own_schema
        loop
            execute statement;
        end loop;
    end loop;
    alter sequence shop.checkout_order_ids owner to ecom_pipeline;
    -- The list of applied migrations, which pipelines apply.
    grant all on _yoyo_migration to ecom_pipeline;
end
$$;

comment on function ops.hand_over_to_pipeline is
'Makes ecom_pipeline the owner of everything, and the caller its member.';

create function ops.grant_to_shop()
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

comment on function ops.grant_to_shop is
'Lets ecom_shop do what CartService, OrderService and ProductService do, and revokes all else.';

create function ops.grant_to_analyst()
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
    grant select on shop.orders, shop.order_items to ecom_analyst;
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

comment on function ops.grant_to_analyst is
'Lets ecom_analyst read all that is no personal data, and revokes all else.';

create function ops.grant_rights()
returns void
language plpgsql
as $$
begin
    -- The application may have partitions made, as the owner, but by no other means.
    revoke execute on all functions in schema shop, ops from public;
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

comment on function ops.grant_rights is
'Gives each of the roles that exist its rights. A migration that adds tables or functions calls it
at its end, and an administrator who has made a role that was missing.';

select ops.grant_rights();
