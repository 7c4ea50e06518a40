-- How many customers of a monthly cohort order again in later months, and how much they spend.
-- A cohort is the set of customers whose first order was placed in that calendar month. A return before
-- the cohort month, of an order that this shop does not know, is in no row.
--
-- grain: one row per cohort month and months since, up to the month of the newest day in daily_sales
-- key: cohort_month, months_since
-- refresh: whole
-- depends on: analytics.daily_sales, analytics.customer_daily_sales

-- name: definition#
create table analytics.cohort_retention (
    -- First day of the calendar month in which these customers placed their first order.
    cohort_month date not null,
    -- Calendar months from the cohort month; 0 is the cohort month itself.
    months_since integer not null check (months_since >= 0),
    -- Customers in the cohort, the same in all its rows.
    customers integer not null check (customers > 0),
    -- Those of them who ordered in this month.
    active_customers integer not null,
    -- Ratio, 10 decimals: active_customers / customers; 1 in month 0.
    retention numeric not null check (retention between 0 and 1),
    -- Shop currency: sum of amount - discount_amount of the cohort's orders in this month, less
    -- what it returned in it; below zero if returns exceed sales.
    net_sales numeric(30, 2) not null,
    -- Shop currency: the cohort's net_sales from month 0 to this month.
    cumulative_net_sales numeric(30, 2) not null,
    primary key (cohort_month, months_since),
    constraint cohort_retention_active_are_of_the_cohort
    check (active_customers between 0 and customers)
);

-- name: rows
with
newest as (
    select date_trunc('month', max(day)::timestamp) as month
    from analytics.daily_sales
),

customer_days as (
    select
        customer_id,
        date_trunc('month', day::timestamp) as month,
        orders,
        net_sales
    from analytics.customer_daily_sales
),

customer_months as (
    select
        customer_id,
        month,
        sum(orders) as orders,
        sum(net_sales) as net_sales
    from customer_days
    group by customer_id, month
),

members as (
    select
        customer_id,
        min(month) as cohort_month
    from customer_months
    where orders > 0
    group by customer_id
),

cohorts as (
    select
        cohort_month,
        count(*) as customers
    from members
    group by cohort_month
),

activity as (
    select
        members.cohort_month,
        customer_months.month,
        count(*) filter (where customer_months.orders > 0) as active_customers,
        sum(customer_months.net_sales) as net_sales
    from customer_months
    inner join members on customer_months.customer_id = members.customer_id
    group by members.cohort_month, customer_months.month
),

cohort_months as (
    select
        cohorts.cohort_month,
        cohorts.customers,
        months.month,
        extract(year from age(months.month, cohorts.cohort_month)) as years_since,
        extract(month from age(months.month, cohorts.cohort_month)) as months_since
    from cohorts
    cross join newest
    cross join lateral generate_series(cohorts.cohort_month, newest.month, '1 month') as months (month)
)

select
    cohort_months.cohort_month::date as cohort_month,
    (cohort_months.years_since * 12 + cohort_months.months_since)::integer as months_since,
    cohort_months.customers::integer as customers,
    coalesce(activity.active_customers, 0)::integer as active_customers,
    round(coalesce(activity.active_customers, 0)::numeric / cohort_months.customers, 10) as retention,
    coalesce(activity.net_sales, 0) as net_sales,
    sum(coalesce(activity.net_sales, 0)) over (
        partition by cohort_months.cohort_month
        order by cohort_months.month
    ) as cumulative_net_sales
from cohort_months
left join activity
    on
        cohort_months.cohort_month = activity.cohort_month
        and cohort_months.month = activity.month;
