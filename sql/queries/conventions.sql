-- The shop's time zone and currency.

-- name: conventions^
-- Both.
select
    shop.time_zone() as time_zone,
    shop.currency() as currency;

-- name: choose$
-- Gives them to a shop that is empty.
select ops.choose_zone_and_currency(:time_zone, :currency);
