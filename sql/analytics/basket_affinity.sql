-- Which products are bought together: association rules between pairs, over the newest 90 days.
-- Support, confidence and the pruning of rare products: R. Agrawal, R. Srikant, Fast Algorithms for
-- Mining Association Rules, VLDB 1994. Lift ("interest"): S. Brin et al., Dynamic Itemset Counting
-- and Implication Rules for Market Basket Data, SIGMOD 1997.
--
-- grain: one row per pair of products a < b found together in at least 10 baskets
-- key: product_a, product_b
-- refresh: whole
-- depends on: analytics.daily_sales, shop.order_items

-- name: definition#
create table analytics.basket_affinity (
    product_a bigint not null,
    product_b bigint not null,
    baskets integer not null,
    support numeric not null,
    confidence_ab numeric not null,
    confidence_ba numeric not null,
    lift numeric not null,
    primary key (product_a, product_b),
    constraint basket_affinity_pair_in_order check (product_a < product_b),
    constraint basket_affinity_baskets_enough check (baskets >= 10),
    constraint basket_affinity_support_is_a_share check (support between 0 and 1),
    constraint basket_affinity_confidence_ab_is_a_share check (confidence_ab between 0 and 1),
    constraint basket_affinity_confidence_ba_is_a_share check (confidence_ba between 0 and 1),
    constraint basket_affinity_lift_not_negative check (lift >= 0)
);

-- name: comments#
comment on table analytics.basket_affinity is
'One row per pair of products a < b found together in at least 10 baskets of the newest 90 days.';
comment on column analytics.basket_affinity.product_a is
'The one with the smaller product_id, as in shop.products.';
comment on column analytics.basket_affinity.product_b is
'The one with the larger product_id, as in shop.products.';
comment on column analytics.basket_affinity.baskets is
'Orders of both channels with both products, in the 90 days up to and with the newest day in daily_sales.';
comment on column analytics.basket_affinity.support is
'Ratio, 10 decimals: baskets / all baskets of those days.';
comment on column analytics.basket_affinity.confidence_ab is
'Ratio, 10 decimals: baskets / baskets with product_a; how often b is there when a is.';
comment on column analytics.basket_affinity.confidence_ba is
'Ratio, 10 decimals: baskets / baskets with product_b; how often a is there when b is.';
comment on column analytics.basket_affinity.lift is
'Ratio, 6 decimals: baskets * all baskets / (baskets with a * baskets with b); 1 when independent.';

-- name: rows
with
newest as (
    select max(day) as day
    from analytics.daily_sales
),

basket_products as (
    select distinct
        placed_on,
        order_id,
        product_id
    from shop.order_items
    where
        placed_on > (select newest.day - 90 from newest)
        and placed_on <= (select newest.day from newest)
),

totals as (
    select count(*) as baskets
    from (
        select distinct
            placed_on,
            order_id
        from basket_products
    ) as baskets
),

-- A pair is in no more baskets than either of its products.
frequent_products as (
    select
        product_id,
        count(*) as baskets
    from basket_products
    group by product_id
    having count(*) >= 10
),

-- As arrays, so that no join of baskets with themselves can be planned wrongly.
frequent_baskets as (
    select array_agg(basket_products.product_id order by basket_products.product_id) as products
    from basket_products
    inner join frequent_products on basket_products.product_id = frequent_products.product_id
    group by
        basket_products.placed_on,
        basket_products.order_id
    having count(*) > 1
),

pairs as (
    select
        a.product_id as product_a,
        b.product_id as product_b,
        count(*) as baskets
    from frequent_baskets
    cross join lateral unnest(frequent_baskets.products) with ordinality as a (product_id, place)
    cross join lateral unnest(frequent_baskets.products[a.place + 1:]) as b (product_id)
    group by a.product_id, b.product_id
    having count(*) >= 10
)

select
    pairs.product_a,
    pairs.product_b,
    pairs.baskets::integer as baskets,
    round(pairs.baskets::numeric / totals.baskets, 10) as support,
    round(pairs.baskets::numeric / products_a.baskets, 10) as confidence_ab,
    round(pairs.baskets::numeric / products_b.baskets, 10) as confidence_ba,
    round(
        pairs.baskets::numeric * totals.baskets / (products_a.baskets::numeric * products_b.baskets), 6
    ) as lift
from pairs
inner join frequent_products as products_a on pairs.product_a = products_a.product_id
inner join frequent_products as products_b on pairs.product_b = products_b.product_id
cross join totals;
