-- The shop itself: customers, products, orders and their items, stock receipts, checkouts.

create schema shop;

comment on schema shop is 'The source of truth: who bought what, when, and what is in stock.';

create table shop.customers (
    customer_id bigint primary key check (customer_id > 0),
    email text not null unique,
    full_name text not null,
    city text not null,
    country char(2) not null check (country ~ '^[A-Z]{2}$'),
    signed_up_at timestamptz not null
);

comment on table shop.customers is 'One row per customer. email and full_name are personal data.';
comment on column shop.customers.email is
'Personal data: never in logs, events, metadata or errors.';
comment on column shop.customers.full_name is
'Personal data: never in logs, events, metadata or errors.';
comment on column shop.customers.country is 'ISO 3166-1 alpha-2 code.';
comment on column shop.customers.signed_up_at is 'Instant of registration, UTC.';

create table shop.products (
    product_id bigint primary key check (product_id > 0),
    sku text not null unique,
    name text not null,
    category text not null,
    price numeric(12, 2) not null check (price >= 0),
    stock integer not null default 0 check (stock >= 0),
    stock_version bigint not null default 0,
    attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object')
)
-- Room for HOT updates: stock changes with every order, and no index covers it.
with (fillfactor = 70);

comment on table shop.products is 'One row per product, with its price and its stock of this moment.';
comment on column shop.products.price is
'Price of one unit, in the shop''s currency; what a checkout charges.';
comment on column shop.products.stock is
'Units on hand = sum of stock_receipts - sum of items of orders whose channel is checkout.';
comment on column shop.products.stock_version is
'Grows by one with every change of stock; the fence that keeps older values out of the cache.';
comment on column shop.products.attributes is
'What differs by category, such as size, colour or memory_gb; searched by containment (@>).';

-- Serves: products whose attributes contain a given object (ProductService.search).
create index products_attributes_gin on shop.products using gin (attributes jsonb_path_ops);

create table shop.stock_receipts (
    product_id bigint not null references shop.products,
    received_on date not null,
    quantity integer not null check (quantity > 0),
    primary key (product_id, received_on)
);

comment on table shop.stock_receipts is
'One row per product and day of delivery, so that receiving the same delivery again adds nothing.';
comment on column shop.stock_receipts.quantity is 'Units delivered that day.';

-- Ids of checkout orders; imported ones keep their own, below this start, so the two never meet.
create sequence shop.checkout_order_ids as bigint start with 1000000000000000;

create table shop.checkouts (
    cart_id text primary key,
    customer_id bigint,
    outcome text not null check (outcome in ('ordered', 'rejected')),
    order_id bigint,
    reason text,
    detail jsonb,
    cart_created_at timestamptz,
    submitted_at timestamptz,
    decided_at timestamptz not null default clock_timestamp(),
    effects_applied_at timestamptz,
    check ((outcome = 'ordered') = (order_id is not null)),
    check ((outcome = 'ordered') = (reason is null)),
    check (outcome = 'rejected' or (customer_id is not null and submitted_at is not null)),
    unique (cart_id, order_id)  -- what an order's foreign key points to: one order per cart
);

comment on table shop.checkouts is
'One row per decided cart: the idempotency key of its checkout, and the outbox of its effects.';
comment on column shop.checkouts.customer_id is
'As the cart gave it; of a rejected cart it may be unknown or missing.';
comment on column shop.checkouts.reason is
'Machine-readable code of a rejection, null when ordered.';
comment on column shop.checkouts.detail is 'What a rejected cart asked for, and what was there.';
comment on column shop.checkouts.cart_created_at is
'When the shopper began the cart, UTC; kept because the cart goes.';
comment on column shop.checkouts.submitted_at is
'When the shopper submitted the cart, UTC; the order''s placed_at.';
comment on column shop.checkouts.decided_at is 'When the checkout was decided, UTC.';
comment on column shop.checkouts.effects_applied_at is
'When the cart was cleared and the stock cache refreshed; null while either may still be undone.';

-- Serves: the relay, which looks for the oldest undone effects.
create index checkouts_undone_effects on shop.checkouts (decided_at)
where effects_applied_at is null;

-- Serves: the checkouts of one day (cart_funnel, lost_demand).
create index checkouts_submitted_at on shop.checkouts (submitted_at);

create table shop.orders (
    order_id bigint not null check (order_id > 0),
    placed_on date not null,
    customer_id bigint not null references shop.customers,
    cart_id text,
    channel text not null,
    total_amount numeric(14, 2) not null check (total_amount >= 0),
    placed_at timestamptz not null,
    primary key (order_id, placed_on),
    foreign key (cart_id, order_id) references shop.checkouts (cart_id, order_id),
    constraint orders_placed_on_is_the_utc_day
    check (placed_on = (placed_at at time zone 'UTC')::date),
    constraint orders_channel_fits_its_ids
    check (
        (channel = 'import' and cart_id is null and order_id < 1000000000000000)
        or (channel = 'checkout' and cart_id is not null and order_id >= 1000000000000000)
    )
)
partition by range (placed_on);

comment on table shop.orders is
'One row per order, in monthly partitions; see docs/adr for why.';
comment on column shop.orders.placed_on is 'UTC day of placed_at; the partition key.';
comment on column shop.orders.cart_id is 'The cart this order came from; null for imported orders.';
comment on column shop.orders.channel is
'import: history from elsewhere, moves no stock; checkout: decided here, moves stock.';
comment on column shop.orders.total_amount is
'Sum of quantity * unit_price over the order''s items.';
comment on column shop.orders.placed_at is 'Instant of the order, UTC.';

-- Serves: refreshing one day of analytics, replacing one day of imports.
create index orders_placed_on on shop.orders (placed_on);

-- Serves: one customer's orders, and the first of them.
create index orders_customer on shop.orders (customer_id, placed_at);

create table shop.order_items (
    order_id bigint not null,
    placed_on date not null,
    line_number integer not null check (line_number > 0),
    product_id bigint not null references shop.products,
    quantity integer not null check (quantity > 0),
    unit_price numeric(12, 2) not null check (unit_price >= 0),
    -- Leads with the day: serves one day's items, and one order's, whose day its row tells.
    primary key (placed_on, order_id, line_number)
)
partition by range (placed_on);

comment on table shop.order_items is
'One row per order and line, in the partition of its order; each partition references its own orders.';
comment on column shop.order_items.placed_on is 'The order''s placed_on; the partition key.';
comment on column shop.order_items.unit_price is 'Price of one unit as charged.';
