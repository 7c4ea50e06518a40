-- What the analytics tables need beside the shop's own tables; the tables themselves are defined in
-- sql/analytics and made by ecom_pipeline.analytics.definition.

create table ops.analytics_definitions (
    name text primary key,
    shape text not null,
    wording text not null
);

comment on table ops.analytics_definitions is
'One row per table or view of sql/analytics that exists: which text of its file made it.';
comment on column ops.analytics_definitions.shape is
'Digest of the part that makes the table or view; when it changes, the table is made anew.';
comment on column ops.analytics_definitions.wording is
'Digest of the comments on it; when they change, only they are set again.';

create table analytics.cart_sightings (
    cart_id text primary key,
    created_on date,
    submitted_on date,
    status text not null check (status in ('active', 'submitted')),
    product_ids bigint[] not null,
    quantities integer[] not null
);

comment on table analytics.cart_sightings is
'One row per cart ever seen, in Mongo or by its checkout. Mongo forgets carts, this table does not:
it cannot be made again, so nothing deletes from it.';
comment on column analytics.cart_sightings.created_on is
'UTC day on which the cart was begun, if it says so.';
comment on column analytics.cart_sightings.submitted_on is 'UTC day on which it was submitted.';
comment on column analytics.cart_sightings.status is
'active: not submitted when last seen; submitted: pending, ordered or rejected. Never goes back.';
comment on column analytics.cart_sightings.product_ids is
'Products of an active cart, one per well-formed line; empty once submitted.';
comment on column analytics.cart_sightings.quantities is 'Units of each of product_ids.';

-- Serve: refreshing one day of cart_funnel.
create index cart_sightings_created_on on analytics.cart_sightings (created_on);
create index cart_sightings_submitted_on on analytics.cart_sightings (submitted_on);

-- Serves: the checkouts of one day (cart_funnel, lost_demand). A day as an expression, so that the
-- planner counts its rows from statistics rather than guessing at a range.
create index checkouts_submitted_on on shop.checkouts (((submitted_at at time zone 'UTC')::date));
