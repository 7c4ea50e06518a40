-- Sales by product attribute: one row for each value of each attribute in products.attributes.
-- Text, numbers and booleans are values; a list gives one value per element; nulls, nested objects and
-- nested lists are ignored. A product with several values counts for each of them.
--
-- grain: one row per category, attribute and value that a product has, sold or not
-- key: category, attribute, value
-- refresh: whole
-- depends on: shop.products, analytics.product_performance

-- name: definition#
create table analytics.attribute_sales (
    -- Category of the products, its first 200 characters.
    category text not null,
    -- Name of the attribute in products.attributes, its first 200 characters.
    attribute text not null,
    -- A text, number or boolean, or one of a list, as text, its first 200 characters.
    value text not null,
    -- Units ordered of those products over all days.
    units bigint not null check (units >= 0),
    -- Shop currency: net_sales of those products over all days.
    net_sales numeric(30, 2) not null,
    primary key (category, attribute, value)
);

-- name: rows
with
products as (
    select
        product_id,
        category,
        attributes
    from shop.products
),

sales as (
    select
        product_id,
        units,
        net_sales
    from analytics.product_performance
),

-- Cut off, because a longer key would not fit into the index of the primary key.
product_values as (
    select distinct
        products.product_id,
        left(products.category, 200) as category,
        left(attributes.name, 200) as attribute,
        left(elements.element #>> '{}', 200) as value
    from products
    cross join lateral jsonb_each(products.attributes) as attributes (name, content)
    cross join lateral jsonb_path_query(attributes.content, '$[*]') as elements (element)
    where jsonb_typeof(elements.element) in ('string', 'number', 'boolean')
)

select
    product_values.category,
    product_values.attribute,
    product_values.value,
    coalesce(sum(sales.units), 0)::bigint as units,
    coalesce(sum(sales.net_sales), 0) as net_sales
from product_values
left join sales on product_values.product_id = sales.product_id
group by
    product_values.category,
    product_values.attribute,
    product_values.value;
