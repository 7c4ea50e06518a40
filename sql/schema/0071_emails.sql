-- An email is one customer's, in capitals or not.

alter table shop.customers drop constraint customers_email_key;

-- Customers who came to share one while capitals still counted stay as they are: all but the first
-- of each email are left out of the index. No file can bring more of them.
do $$
declare
    sharing bigint[];
begin
    select coalesce(array_agg(customers.customer_id), '{}')
    into sharing
    from shop.customers
    where
        exists (
            select from shop.customers as earlier
            where
                lower(earlier.email) = lower(customers.email)
                and earlier.customer_id < customers.customer_id
        );
    -- Serves: that an email stands once, and whose it is (ecom ingest).
    execute
        'create unique index customers_email_key on shop.customers (lower(email))'
        || case
            when sharing = '{}' then ''
            else format(' where customer_id <> all (%L::bigint[])', sharing)
        end;
end
$$;

comment on column shop.customers.email is
'Personal data: never in logs, events, metadata or errors. One customer''s, in capitals or not.';
