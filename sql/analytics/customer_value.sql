-- Value of each customer: totals, time to the second order, RFM scores and a segment.
-- RFM: recency, frequency, monetary value, each in quintiles (A. M. Hughes, Strategic Database
-- Marketing, 1994), in which equal customers get equal scores: 1 + floor(5 * share of the other
-- customers that are strictly worse), at most 5. Nobody is below a customer who ordered once in
-- frequency, so that f is 1.
--
-- grain: one row per customer with an order
-- key: customer_id
-- refresh: whole
-- depends on: analytics.daily_sales, analytics.customer_daily_sales
-- references: customer_id in shop.customers

-- name: definition#
create table analytics.customer_value (
    -- The customer, as in shop.customers.
    customer_id bigint primary key,
    -- Orders ever, through both channels.
    orders bigint not null check (orders > 0),
    -- Shop currency: sum of amount - discount_amount, less what the customer returned; below zero
    -- if returns exceed sales.
    net_sales numeric(30, 2) not null,
    -- Shop currency, 6 decimals: (amount - discount_amount) / orders, returned or not.
    average_order_value numeric not null check (average_order_value >= 0),
    -- Instant of the first order, UTC.
    first_order_at timestamptz not null,
    -- Instant of the newest order, UTC.
    last_order_at timestamptz not null,
    -- Days from the day of the first order to that of the second; 0 on the same day, null
    -- without one.
    days_to_second_order integer check (days_to_second_order >= 0),
    -- Days from the day of the newest order to the newest day in daily_sales.
    recency_days integer not null check (recency_days >= 0),
    -- 1 + floor(5 * share of the others whose last_order_at is earlier), at most 5: 5 ordered
    -- most recently.
    r_score integer not null check (r_score between 1 and 5),
    -- 1 + floor(5 * share of the others who ordered less often), at most 5; 1 after a single
    -- order.
    f_score integer not null check (f_score between 1 and 5),
    -- 1 + floor(5 * share of the others who spent less), at most 5: 5 spent most.
    m_score integer not null check (m_score between 1 and 5),
    -- The first that fits. Lately means r at least 4, or that nobody ordered later. champions:
    -- lately, f at least 4; loyal: lately or r of 3, f at least 3; new: lately, one order;
    -- promising: lately or r of 3; at_risk: f at least 4; hibernating: r of 2; lost: the
    -- others.
    segment text not null,
    constraint customer_value_last_order_after_first check (last_order_at >= first_order_at),
    constraint customer_value_segment_is_known
    check (segment in ('champions', 'loyal', 'new', 'promising', 'at_risk', 'hibernating', 'lost')),
    constraint customer_value_often_is_more_than_once
    check (orders > 1 or segment not in ('champions', 'loyal', 'at_risk')),
    constraint customer_value_new_ordered_once check (orders = 1 or segment <> 'new')
);

-- name: rows
with
newest as (
    select max(day) as day
    from analytics.daily_sales
),

customer_days as (
    select
        customer_id,
        day,
        orders,
        returns,
        net_sales,
        first_order_at,
        last_order_at,
        -- Days without an order come last, so that they move none of the others.
        row_number() over (partition by customer_id order by orders = 0, day) as nth_day
    from analytics.customer_daily_sales
),

customers as (
    select
        customer_id,
        sum(orders) as orders,
        sum(net_sales) as net_sales,
        sum(net_sales) + coalesce(sum(returns) filter (where returns > 0), 0) as ordered_sales,
        min(first_order_at) as first_order_at,
        max(last_order_at) as last_order_at,
        min(day) filter (where nth_day = 2 and orders > 0) as second_day,
        sum(orders) filter (where nth_day = 1) as first_day_orders
    from customer_days
    group by customer_id
    having sum(orders) > 0
),

ranks as (
    select
        customer_id,
        rank() over (order by last_order_at) - 1 as who_ordered_longer_ago,
        rank() over (order by orders) - 1 as who_ordered_less_often,
        rank() over (order by net_sales) - 1 as who_spent_less,
        greatest(count(customer_id) over () - 1, 1) as others,
        last_order_at = max(last_order_at) over () as is_latest
    from customers
),

scores as (
    select
        customer_id,
        least(1 + 5 * who_ordered_longer_ago / others, 5)::integer as r_score,
        least(1 + 5 * who_ordered_less_often / others, 5)::integer as f_score,
        least(1 + 5 * who_spent_less / others, 5)::integer as m_score,
        is_latest
    from ranks
)

select
    customers.customer_id,
    customers.orders::bigint as orders,
    customers.net_sales,
    round(customers.ordered_sales / customers.orders, 6) as average_order_value,
    customers.first_order_at,
    customers.last_order_at,
    case
        when customers.first_day_orders > 1 then 0
        else customers.second_day - shop.day_of(customers.first_order_at)
    end as days_to_second_order,
    -- While single days of a corrected past are refreshed, daily_sales may end before customers do.
    greatest(newest.day, max(shop.day_of(customers.last_order_at)) over ())
    - shop.day_of(customers.last_order_at) as recency_days,
    scores.r_score,
    scores.f_score,
    scores.m_score,
    case
        when (scores.r_score >= 4 or scores.is_latest) and scores.f_score >= 4 then 'champions'
        when (scores.r_score >= 3 or scores.is_latest) and scores.f_score >= 3 then 'loyal'
        when (scores.r_score >= 4 or scores.is_latest) and customers.orders = 1 then 'new'
        when scores.r_score >= 3 or scores.is_latest then 'promising'
        when scores.f_score >= 4 then 'at_risk'
        when scores.r_score = 2 then 'hibernating'
        else 'lost'
    end as segment
from customers
inner join scores on customers.customer_id = scores.customer_id
cross join newest;
