-- The day of each customer's first order, on which the customer counts as new. It has one row per
-- customer however long the history is, so looking up a day's customers stays cheap.
--
-- grain: one row per customer with an order
-- key: customer_id
-- refresh: with daily_sales
-- depends on: analytics.customer_daily_sales, shop.orders
-- references: customer_id in shop.customers

-- name: definition#
create table analytics.customer_first_days (
    -- The customer, as in shop.customers.
    customer_id bigint primary key,
    -- The shop's day of the customer's first order ever.
    day date not null
);

-- Serves: customers whose first day is refreshed, and who may have left it.
create index customer_first_days_day on analytics.customer_first_days (day);

-- name: rows
-- Of the customers who order on these days, and of those who did so for the first time until now.
with
customer_days as (
    select
        customer_id,
        day
    from analytics.customer_daily_sales
    where
        day = any(:days)
        and orders > 0
),

newcomers as (
    select
        customer_id,
        day
    from analytics.customer_first_days
    where day = any(:days)
),

earliest as (
    select
        customer_id,
        min(day) as day
    from customer_days
    group by customer_id
),

-- Whose first day went. Only of these the other days are looked up, among their orders: an index by
-- customer here would have each refresh write as many of its pages as there are customers that day.
lost as (
    select newcomers.customer_id
    from newcomers
    left join customer_days
        on
            newcomers.customer_id = customer_days.customer_id
            and newcomers.day = customer_days.day
    where customer_days.customer_id is null
),

found as (
    select
        lost.customer_id,
        first_day.day
    from lost
    cross join
        lateral (
            select min(all_days.day) as day
            from shop.orders
            inner join analytics.customer_daily_sales as all_days
                on
                    orders.placed_on = all_days.day
                    and orders.customer_id = all_days.customer_id
            where
                orders.customer_id = lost.customer_id
                and all_days.orders > 0
        ) as first_day
    where first_day.day is not null
),

kept as (
    select
        earliest.customer_id,
        least(earliest.day, known.day) as day
    from earliest
    left join analytics.customer_first_days as known on earliest.customer_id = known.customer_id
    left join lost on earliest.customer_id = lost.customer_id
    where lost.customer_id is null
)

select
    customer_id,
    day
from found
union all
select
    customer_id,
    day
from kept;

-- name: moved_days
-- Other days that change with the staged rows: where a customer is no longer new, and where they are.
with
staged as (
    select
        customer_id,
        day
    from staged_customer_first_days
),

known as (
    select
        customer_id,
        day
    from analytics.customer_first_days
),

moved as (
    select
        known.day as before,
        staged.day as after
    from staged
    left join known on staged.customer_id = known.customer_id
    where staged.day is distinct from known.day
)

select before as day
from moved
where before <> all(:days)
union
select after as day
from moved
where after <> all(:days);
