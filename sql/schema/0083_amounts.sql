-- What real shops sell: orders of guests, customers of whom little is known, discounts, shipping, tax.

alter table shop.customers
alter column email drop not null,
alter column full_name drop not null,
alter column city drop not null,
alter column country drop not null,
alter column signed_up_at drop not null;

comment on table shop.customers is
'One row per customer; what the shop does not know of one is null. email and full_name are personal
data.';

alter table shop.orders
add column shipping_amount numeric(14, 2) not null default 0,
add column tax_amount numeric(14, 2) not null default 0,
add constraint orders_shipping_and_tax_not_negative
check (shipping_amount >= 0 and tax_amount >= 0);

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
        execute format('alter table %s alter column customer_id drop not null', relation);
    end loop;
end
$$;

comment on column shop.orders.customer_id is 'Who ordered; null for a guest.';
comment on column shop.orders.shipping_amount is
'What is charged beside the products, in the shop''s currency: shipping, fees, tips.';
comment on column shop.orders.tax_amount is
'Tax on top of the prices, in the shop''s currency; 0 where prices include it.';
comment on column shop.orders.total_amount is
'Sum of amount - discount_amount over the order''s items, + shipping_amount + tax_amount.';

-- Filled while the table is written anew for its prices, which is faster than an update.
alter table shop.order_items
alter column unit_price type numeric(14, 4),
add column amount numeric(14, 2) generated always as (quantity * unit_price) stored,
add column discount_amount numeric(14, 2) not null default 0;

alter table shop.order_items
alter column amount drop expression,
alter column amount set not null,
add constraint order_items_discount_within_amount check (discount_amount between 0 and amount);

comment on column shop.order_items.unit_price is 'Price of one unit as charged, in the shop''s currency.';
comment on column shop.order_items.amount is
'Price of all the units before discounts, as the source says it; otherwise quantity * unit_price.';
comment on column shop.order_items.discount_amount is
'What is off the amount: the line''s own discount and its share of the order''s.';
