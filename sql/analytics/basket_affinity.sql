-- Products that are bought together: association rules between pairs, over the newest 90 days.
-- Support, confidence and the pruning of rare products: R. Agrawal, R. Srikant, Fast Algorithms for
-- Mining Association Rules, VLDB 1994. Lift ("interest"): S. Brin et al., Dynamic Itemset Counting
-- and Implication Rules for Market Basket Data, SIGMOD 1997.
--
-- grain: one row per pair of products a < b found together in at least 10 baskets
-- key: product_a, product_b
-- refresh: whole
-- depends on: analytics.daily_sales, shop.order_items
-- references: product_a in shop.products, product_b in shop.products

-- name: definition#
create table analytics.basket_affinity (
    -- The one with the smaller product_id, as in shop.products.
    product_a bigint not null,
    -- The one with the larger product_id, as in shop.products.
    product_b bigint not null,
    -- Orders of both channels with both products, in the 90 days up to and with the newest
    -- day in daily_sales.
    baskets integer not null check (baskets >= 10),
    -- Ratio, 10 decimals: baskets / all baskets of those days.
    support numeric not null check (support between 0 and 1),
    -- Ratio, 10 decimals: baskets / baskets with product_a; how often b is bought with a.
    confidence_ab numeric not null check (confidence_ab between 0 and 1),
    -- Ratio, 10 decimals: baskets / baskets with product_b; how often a is bought with b.
    confidence_ba numeric not null check (confidence_ba between 0 and 1),
    -- Ratio, 6 decimals: baskets * all baskets / (baskets with a * baskets with b); 1 when
    -- independent.
    lift numeric not null check (lift >= 0),
    primary key (product_a, product_b),
    constraint basket_affinity_pair_in_order check (product_a < product_b)
);

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
