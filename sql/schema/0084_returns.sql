-- What customers give back, and what they get back for it.

create table shop.returns (
    return_id bigint not null,
    line_number integer not null,
    returned_at timestamptz not null,
    returned_on date not null,
    origin text not null,
    order_id bigint,
    order_line_number integer,
    customer_id bigint references shop.customers,
    product_id bigint references shop.products,
    quantity integer not null,
    amount numeric(14, 2) not null,
    tax_amount numeric(14, 2) not null default 0,
    restocked boolean not null default false,
    primary key (return_id, line_number),
    constraint returns_ids_positive check (return_id > 0 and line_number > 0),
    constraint returns_returned_on_is_the_day_of_returned_at
    check (returned_on = shop.day_of(returned_at)),
    constraint returns_origin_is_known check (origin in ('import', 'application')),
    constraint returns_quantity_and_money_not_negative
    check (quantity >= 0 and amount >= 0 and tax_amount >= 0),
    constraint returns_order_or_product_is_known
    check (order_id is not null or product_id is not null),
    constraint returns_order_line_has_its_order_and_product
    check (order_line_number is null or (order_id is not null and product_id is not null)),
    constraint returns_units_are_of_a_product
    check (product_id is not null or (quantity = 0 and not restocked))
);

comment on table shop.returns is
'One row per return and line: units, money or both that went back. A cancelled order is one that was
returned whole; a row without a product gives money back that was paid for none, such as shipping.';
comment on column shop.returns.return_id is
'The return, by the shop''s own number; of one from the application the key under which it is taken
back once.';
comment on column shop.returns.line_number is 'The line within its return, from 1.';
comment on column shop.returns.returned_at is 'Instant of the return, UTC.';
comment on column shop.returns.returned_on is 'The shop''s day of returned_at.';
comment on column shop.returns.origin is
'import: history from elsewhere, moves no stock; application: taken back by ReturnService.';
comment on column shop.returns.order_id is 'The order of which it was a part; null where unknown.';
comment on column shop.returns.order_line_number is
'The line of that order; null where the whole order is meant, or none.';
comment on column shop.returns.customer_id is 'Who returned it; null for a guest.';
comment on column shop.returns.product_id is 'What was returned; null where it is money alone.';
comment on column shop.returns.quantity is 'Units given back; 0 where it is money alone.';
comment on column shop.returns.amount is
'Money given back without tax, in the shop''s currency: of the product, otherwise of shipping.';
comment on column shop.returns.tax_amount is 'Tax given back, in the shop''s currency.';
comment on column shop.returns.restocked is
'Whether the units went back on the shelf; moves stock where the order is one of checkout.';

-- Serves: refreshing one day of analytics.
create index returns_returned_on on shop.returns (returned_on);

-- Serves: what was returned of an order before.
create index returns_order on shop.returns (order_id);

create function ops.note_returned_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select distinct returned_on, 1 from changed;
    return null;
end
$$;

comment on function ops.note_returned_days is
'Trigger of returns, after an insert or a delete: notes the days of the rows.';

create function ops.note_moved_returns()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select returned_on, 1 from changed
    union
    select returned_on, 1 from replaced;
    return null;
end
$$;

comment on function ops.note_moved_returns is
'Trigger of returns, after an update: notes the days before and after it.';

create trigger note_inserted_days after insert on shop.returns
referencing new table as changed
for each statement execute function ops.note_returned_days();

create trigger note_deleted_days after delete on shop.returns
referencing old table as changed
for each statement execute function ops.note_returned_days();

create trigger note_updated_days after update on shop.returns
referencing old table as replaced new table as changed
for each statement execute function ops.note_moved_returns();

create view shop.day_range as
select
    least(
        (select min(orders.placed_on) from shop.orders),
        (select min(returns.returned_on) from shop.returns)
    ) as first_day,
    greatest(
        (select max(orders.placed_on) from shop.orders),
        (select max(returns.returned_on) from shop.returns)
    ) as newest_day;

comment on view shop.day_range is
'One row: the first and the newest day of an order or a return; null while there is none.';
comment on column shop.day_range.first_day is 'The first day.';
comment on column shop.day_range.newest_day is 'The newest day.';

select ops.grant_rights();
