-- name: ranking
-- Best sellers of a window, best first.
select
    top_sellers.rank,
    top_sellers.product_id,
    products.name,
    top_sellers.units,
    top_sellers.net_sales
from analytics.top_sellers
inner join shop.products on top_sellers.product_id = products.product_id
where top_sellers.window_name = :window_name
order by top_sellers.rank;
