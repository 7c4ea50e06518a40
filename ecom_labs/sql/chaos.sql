-- name: decisions
-- What became of every cart, with the units that its order holds.
select
    checkouts.cart_id,
    coalesce(checkouts.reason, checkouts.outcome) as became,
    coalesce(sum(order_items.quantity), 0) as units
from shop.checkouts
left join shop.order_items on checkouts.order_id = order_items.order_id
group by
    checkouts.cart_id,
    checkouts.reason,
    checkouts.outcome;

-- name: taken_back
-- Units and money of every return.
select
    returns.return_id,
    sum(returns.quantity) as units,
    sum(returns.amount) as amount
from shop.returns
group by returns.return_id;
