-- name: refreshed_days
-- All days that were ever refreshed.
select day
from analytics.daily_sales
order by day;
