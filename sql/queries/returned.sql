-- sqlfluff:templater:placeholder:after_removal:true
-- sqlfluff:templater:placeholder:all_of_them:true
-- Returns of files against the orders that are loaded. They are judged together with what was returned
-- of the same orders before, in the order in which it was returned, so that it does not matter in
-- which order files come. What an order no longer covers, for it was corrected or removed, is
-- quarantined too. What the application took back counts first and stays.

-- name: open_judgement#
-- An empty table for the returns that are judged.
create temporary table judged_returns (
    like shop.returns,
    is_kept boolean not null default false,
    reason text
) on commit drop;

alter table judged_returns
alter column returned_on drop not null,
alter column origin drop not null;

create temporary table named_orders (order_id bigint not null) on commit drop;

-- name: lock_returned_orders!
-- Locks the orders whose returns the files name, in the order of their ids, as ReturnService does: what
-- it takes back at the same time is seen, or it sees these.
select orders.order_id
from shop.orders
where
    orders.order_id in (
        select given.order_id
        from judged_returns as given
    )
order by orders.order_id
for no key update;

-- name: keep_returns!
-- Adds returns that are loaded and the files do not name: of orders that the files name or whose
-- returns they name, and of orders that are no longer there.
insert into judged_returns
select
    returns.*,  -- noqa: AM04
    true as is_kept
from shop.returns
where
    returns.order_id in (
        select named_orders.order_id
        from named_orders
        union all
        select given.order_id
        from judged_returns as given
        union all
        select orphans.order_id
        from shop.returns as orphans
        where
            :after_removal
            and not exists (
                select 1
                from shop.orders
                where orders.order_id = orphans.order_id
            )
    )
    and not exists (
        select 1
        from judged_returns as given
        where given.return_id = returns.return_id
    );

-- name: judge#
-- Completes the returns with what their orders say, and gives a reason to those that are refused.
create temporary table returned_orders on commit drop as
select
    orders.order_id,
    orders.placed_on,
    orders.customer_id,
    orders.total_amount
from shop.orders
where
    orders.order_id in (
        select judged.order_id
        from judged_returns as judged
    );

create temporary table returned_lines on commit drop as
select
    items.order_id,
    items.line_number,
    items.product_id,
    items.quantity,
    items.amount - items.discount_amount as paid
from shop.order_items as items
inner join returned_orders
    on items.order_id = returned_orders.order_id and items.placed_on = returned_orders.placed_on;

analyze judged_returns, returned_orders, returned_lines;

update judged_returns as judged
set
    returned_on = shop.day_of(judged.returned_at),
    origin = coalesce(judged.origin, 'import'),
    customer_id
    = case when judged.order_id is null then judged.customer_id else orders.customer_id end,
    product_id = coalesce(judged.product_id, lines.product_id),
    reason = case
        when judged.origin = 'application' then null
        when
            exists (
                select 1
                from shop.returns
                where
                    returns.return_id = judged.return_id
                    and returns.origin = 'application'
            )
            then 'return_id: taken'
        when judged.order_id is not null and orders.order_id is null
            then 'order_id: unknown_order'
        when judged.order_line_number is not null and lines.order_id is null
            then 'order_line_number: unknown_line'
        when judged.product_id <> lines.product_id then 'product_id: not_of_line'
        when
            judged.order_id is not null
            and not exists (
                select 1
                from returned_lines as bought
                where
                    bought.order_id = judged.order_id
                    and bought.product_id = coalesce(judged.product_id, bought.product_id)
            )
            then 'product_id: not_of_order'
        when
            not exists (
                select 1
                from shop.products
                where products.product_id = coalesce(judged.product_id, products.product_id)
            )
            then 'product_id: unknown_product'
        when
            judged.order_id is null
            and judged.customer_id is not null
            and not exists (
                select 1
                from shop.customers
                where customers.customer_id = judged.customer_id
            )
            then 'customer_id: unknown_customer'
    end
from judged_returns as given
left join returned_orders as orders on given.order_id = orders.order_id
left join returned_lines as lines
    on given.order_id = lines.order_id and given.order_line_number = lines.line_number
where judged.ctid = given.ctid;

-- name: refuse_beyond!
-- Of each order refuses the first return that goes beyond it, or all that do; gives their number.
-- With the first one gone, others may fit again.
with turns as (
    select
        judged.ctid as place,
        judged.origin,
        judged.order_id,
        judged.order_line_number,
        judged.product_id,
        judged.quantity,
        judged.amount,
        judged.tax_amount,
        row_number() over (
            partition by judged.order_id
            order by
                judged.origin = 'application' desc,
                judged.returned_at asc,
                judged.return_id asc,
                judged.line_number asc
        ) as turn
    from judged_returns as judged
    where
        judged.order_id is not null
        and judged.reason is null
),

counted as (
    select
        turns.place,
        turns.origin,
        turns.order_id,
        turns.turn,
        covered.kind,
        covered.subject,
        covered.quantity,
        covered.amount
    from turns
    cross join
        lateral (
            values
            ('line', turns.order_line_number::bigint, turns.quantity, turns.amount),
            ('product', turns.product_id, turns.quantity, turns.amount),
            ('order', 0, 0, turns.amount + turns.tax_amount)
        ) as covered (kind, subject, quantity, amount)
    where covered.subject is not null
),

running as (
    select
        counted.place,
        counted.origin,
        counted.order_id,
        counted.kind,
        counted.subject,
        counted.turn,
        sum(counted.quantity) over so_far as quantity,
        sum(counted.amount) over so_far as amount
    from counted
    window  -- noqa: LT02
        so_far as (
            partition by counted.order_id, counted.kind, counted.subject
            order by counted.turn
        )
),

limits as (
    select
        lines.order_id,
        'line' as kind,
        lines.line_number as subject,
        lines.quantity,
        lines.paid
    from returned_lines as lines
    union all
    select
        lines.order_id,
        'product' as kind,
        lines.product_id as subject,
        sum(lines.quantity) as quantity,
        sum(lines.paid) as paid
    from returned_lines as lines
    group by
        lines.order_id,
        lines.product_id
    union all
    select
        orders.order_id,
        'order' as kind,
        0 as subject,
        0 as quantity,
        orders.total_amount as paid
    from returned_orders as orders
),

beyond as (
    select
        running.place,
        running.order_id,
        min(running.turn) as turn,
        bool_or(running.quantity > limits.quantity) as has_too_many_units
    from running
    inner join limits
        on
            running.order_id = limits.order_id
            and running.kind = limits.kind
            and running.subject = limits.subject
    where
        running.origin <> 'application'
        and (running.quantity > limits.quantity or running.amount > limits.paid)
    group by
        running.place,
        running.order_id
),

refused as (
    select
        beyond.place,
        beyond.has_too_many_units,
        rank() over (partition by beyond.order_id order by beyond.turn) as nth
    from beyond
)

update judged_returns as judged
set
    reason = case
        when refused.has_too_many_units then 'quantity: more_than_bought'
        else 'amount: more_than_paid'
    end
from refused
where
    judged.ctid = refused.place
    and (refused.nth = 1 or :all_of_them);

-- name: refused_returns
-- Returns of the files that are refused, and why.
select
    judged.return_id,
    judged.line_number,
    judged.reason
from judged_returns as judged
where
    judged.reason is not null
    and not judged.is_kept;

-- name: quarantine_kept_returns$
-- Takes loaded returns that their orders no longer cover into quarantine; gives their number.
with gone as (
    delete from shop.returns
    using judged_returns as judged
    where
        judged.is_kept
        and judged.reason is not null
        and returns.return_id = judged.return_id
        and returns.line_number = judged.line_number
    returning
        returns.return_id,
        returns.line_number,
        to_jsonb(returns) - '{returned_on, origin}'::text[] as content,
        returns.amount + returns.tax_amount as amount,
        judged.reason
),

kept as (
    insert into ops.quarantine (
        source, line, row, reason, table_name, subject, occurrence, amount, of_newest_load
    )
    select
        'returns' as source,
        0 as line,
        gone.content as row,
        gone.reason,
        'returns' as table_name,
        gone.return_id::text as subject,
        gone.line_number + 1000000 as occurrence,
        gone.amount,
        false as of_newest_load
    from gone
    returning subject
)

select count(*)
from kept;

-- name: accept_returns#
-- The returns of the files that are left.
create temporary table accepted_returns on commit drop as
select judged.*  -- noqa: AM04
from judged_returns as judged
where
    judged.reason is null
    and not judged.is_kept;

alter table accepted_returns
drop column is_kept,
drop column reason;
