-- What each customer is worth: totals, time to the second order, RFM scores and a segment.
-- RFM: recency, frequency, monetary value, each in quintiles (A. M. Hughes, Strategic Database
-- Marketing, 1994): customers in order of the measure, cut in five equal parts by ntile(5), 5 best.
-- Ties are cut by customer_id, so that the same orders always give the same scores.
--
-- grain: one row per customer with an order
-- key: customer_id
-- refresh: whole
-- depends on: analytics.daily_sales, analytics.customer_daily_sales

-- name: definition#
create table analytics.customer_value (
    customer_id bigint primary key,
    orders bigint not null check (orders > 0),
    revenue numeric(18, 2) not null check (revenue >= 0),
    average_order_value numeric not null check (average_order_value >= 0),
    first_order_at timestamptz not null,
    last_order_at timestamptz not null check (last_order_at >= first_order_at),
    days_to_second_order integer check (days_to_second_order >= 0),
    recency_days integer not null check (recency_days >= 0),
    r_score integer not null check (r_score between 1 and 5),
    f_score integer not null check (f_score between 1 and 5),
    m_score integer not null check (m_score between 1 and 5),
    segment text not null
    check (segment in ('champions', 'loyal', 'new', 'promising', 'at_risk', 'hibernating', 'lost'))
);

-- name: comments#
comment on table analytics.customer_value is 'One row per customer with an order.';
comment on column analytics.customer_value.customer_id is 'The customer, as in shop.customers.';
comment on column analytics.customer_value.orders is 'Orders ever, through both channels.';
comment on column analytics.customer_value.revenue is 'Shop currency: sum of quantity * unit_price.';
comment on column analytics.customer_value.average_order_value is
'Shop currency, 6 decimals: revenue / orders.';
comment on column analytics.customer_value.first_order_at is 'Instant of the first order, UTC.';
comment on column analytics.customer_value.last_order_at is 'Instant of the newest order, UTC.';
comment on column analytics.customer_value.days_to_second_order is
'Days from the UTC day of the first order to that of the second; 0 on the same day, null without one.';
comment on column analytics.customer_value.recency_days is
'Days from the UTC day of the newest order to the newest day in daily_sales.';
comment on column analytics.customer_value.r_score is
'Quintile by last_order_at, ties by customer_id: 5 ordered most recently, 1 longest ago.';
comment on column analytics.customer_value.f_score is
'Quintile by orders, ties by customer_id: 5 orders most often.';
comment on column analytics.customer_value.m_score is
'Quintile by revenue, ties by customer_id: 5 spent most.';
comment on column analytics.customer_value.segment is
'champions: r and f at least 4; loyal: both at least 3; new: r at least 4; promising: r of 3;
at_risk: f at least 4; hibernating: r of 2; lost: the others; the first that fits.';

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
        revenue,
        first_order_at,
        last_order_at,
        row_number() over (partition by customer_id order by day) as nth_day
    from analytics.customer_daily_sales
),

customers as (
    select
        customer_id,
        sum(orders) as orders,
        sum(revenue) as revenue,
        min(first_order_at) as first_order_at,
        max(last_order_at) as last_order_at,
        min(day) as first_day,
        max(day) as last_day,
        min(day) filter (where nth_day = 2) as second_day,
        sum(orders) filter (where nth_day = 1) as first_day_orders
    from customer_days
    group by customer_id
),

scores as (
    select
        customer_id,
        ntile(5) over (order by last_order_at, customer_id) as r_score,
        ntile(5) over (order by orders, customer_id) as f_score,
        ntile(5) over (order by revenue, customer_id) as m_score
    from customers
)

select
    customers.customer_id,
    customers.orders::bigint as orders,
    customers.revenue,
    round(customers.revenue / customers.orders, 6) as average_order_value,
    customers.first_order_at,
    customers.last_order_at,
    case
        when customers.first_day_orders > 1 then 0
        else customers.second_day - customers.first_day
    end as days_to_second_order,
    newest.day - customers.last_day as recency_days,
    scores.r_score,
    scores.f_score,
    scores.m_score,
    case
        when scores.r_score >= 4 and scores.f_score >= 4 then 'champions'
        when scores.r_score >= 3 and scores.f_score >= 3 then 'loyal'
        when scores.r_score >= 4 then 'new'
        when scores.r_score = 3 then 'promising'
        when scores.f_score >= 4 then 'at_risk'
        when scores.r_score = 2 then 'hibernating'
        else 'lost'
    end as segment
from customers
inner join scores on customers.customer_id = scores.customer_id
cross join newest;
