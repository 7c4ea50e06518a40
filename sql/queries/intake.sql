-- sqlfluff:dialect:duckdb
-- sqlfluff:templater:placeholder:source_name:'text'
-- sqlfluff:templater:placeholder:file_name:'text'
-- sqlfluff:templater:placeholder:reason_code:'text'
-- sqlfluff:templater:placeholder:repeated_item:'text'
-- sqlfluff:templater:placeholder:path:'text'
-- sqlfluff:templater:placeholder:types:'text'
-- sqlfluff:templater:placeholder:fields:1
-- sqlfluff:templater:placeholder:owner:coalesce(1, 1)
-- sqlfluff:templater:placeholder:same_key:parsed.line = listed.line
-- sqlfluff:templater:placeholder:lines:select 1
-- sqlfluff:templater:placeholder:largest_total:1
-- What DuckDB does with the files of one ingest, in a scratch database of its own: the rules of
-- single values, and what rows of the files say about each other. Lines count from the header, 1.

-- name: prepare#
-- The rules of each kind of value: null where a value keeps its rule, otherwise a code.
set timezone = 'UTC';

create macro missing(x) as x is null or not regexp_matches(x, '\S');

create macro unlike(x, code) as case
    when missing(x) then 'missing'
    when regexp_full_match(trim(lower(x)), '[+-]?(nan|inf|infinity)') then 'not_finite'
    else code
end;

create macro whole_problem(x, low, high) as case
    when coalesce(not regexp_full_match(x, '-?[0-9]+(\.0*)?'), true)
        then unlike(x, 'not_a_whole_number')
    when coalesce(try_cast(x as bigint) not between low and high, true) then 'out_of_range'
end;

create macro money_problem(x, low, high) as case
    when coalesce(not regexp_full_match(x, '-?[0-9]+(\.[0-9]*)?'), true)
        then unlike(x, 'not_a_decimal')
    when regexp_matches(x, '\.[0-9]{2}[0-9]*[1-9]') then 'too_many_decimals'
    when coalesce(try_cast(x as decimal(18, 2)) not between low and high, true) then 'out_of_range'
end;

create macro text_problem(x, low, high) as case
    when missing(x) then 'missing'
    when contains(x, chr(0)) then 'nul_character'
    when length(x) > high then 'too_long'
end;

create macro email_problem(x, low, high) as coalesce(
    text_problem(x, low, high),
    case when not regexp_full_match(x, '[^@\s]+@[^@\s]+') then 'not_an_email' end
);

create macro country_problem(x, low, high) as coalesce(
    case when missing(x) then 'missing' end,
    case when not regexp_full_match(x, '[A-Z]{2}') then 'not_a_country' end
);

create macro json_problem(x, low, high) as coalesce(
    text_problem(x, low, high), json_object_problem(x)
);

create macro day_problem(x, low, high) as case
    when
        coalesce(
            not regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]00:00(:00(\.0+)?)?)?'), true
        )
        then unlike(x, 'not_a_day')
    when try_cast(x as date) is null then 'impossible_date'
    when cast(x as date) not between low and high then 'out_of_range'
end;

create macro instant_problem(x, low, high) as case
    when
        coalesce(
            not regexp_full_match(
                x,
                '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?'
                || '(Z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)?)?'
            ),
            true
        )
        then unlike(x, 'not_an_instant')
    when try_cast(x as timestamptz) is null then 'impossible_date'
    when cast(cast(x as timestamptz) as date) not between low and high then 'out_of_range'
end;

-- Rows that are not loaded; order_id is that of an order or of an item, if it has one.
create table refused (
    source text,
    line bigint,
    reason text,
    order_id bigint
);

-- name: create_rows!
-- An empty table for a file's rows.
create table :source as
select
    cast(null as bigint) as line,
    cast(null as text) as reason,
    :nulls
where false;

-- name: check_batch!
-- Takes a batch of text in as values of their types, with a reason where one breaks a rule.
insert into :source
select
    batch.line,
    coalesce(batch.problem, nullif(concat_ws('; ', :problems), '')) as reason,
    :values
from batch;

-- name: refuse!
-- Notes rows as refused; :lines is one of the selections of line and reason below.
insert into refused
select
    :source_name as source,
    parsed.line,
    lines.reason,
    :owner as order_id
from :source as parsed
inner join (:lines) as lines on parsed.line = lines.line;

-- name: keep_others!
-- Leaves what is not refused.
delete from :source
where line in (
    select refused.line
    from refused
    where refused.source = :source_name
);

-- name: counts
-- How many rows of a source are refused, by reason.
select
    refused.reason,
    count(*) as row_count
from refused
where refused.source = :source_name
group by refused.reason
order by
    row_count desc,
    refused.reason asc;

-- name: refused_rows
-- The refused rows of a batch as they were read.
select
    :file_name as source,
    refused.line,
    case
        when batch.text is null then to_json(struct_pack(:fields))
        else to_json(struct_pack(text := batch.text))
    end as row,
    refused.reason
from batch
inner join refused on batch.line = refused.line
where refused.source = :source_name
order by refused.line;

-- name: accepted
-- What is left of a source.
select :columns
from :source;

-- name: orders_to_look_up
-- Of the orders that are left, what Postgres must know about.
select
    orders.order_id,
    cast(orders.placed_at as date) as placed_on,
    orders.customer_id
from orders;

-- name: products_to_look_up
-- The products of the items that are left.
select distinct items.product_id
from order_items as items;

-- name: invalid
-- Rows that break a rule of their own.
select
    parsed.line,
    parsed.reason
from :source as parsed
where parsed.reason is not null;

-- name: repeated
-- Rows whose columns stand in an earlier one too.
select
    parsed.line,
    :reason_code as reason
from :source as parsed
qualify row_number() over (partition by :key_columns order by parsed.line) > 1;

-- name: listed
-- Rows whose columns stand in a CSV file without a header.
select
    parsed.line,
    :reason_code as reason
from :source as parsed
semi join read_csv(:path, header = false, columns = :types) as listed on :same_key;

-- name: items_of_refused_orders
-- Items whose order is in the file, but refused.
select
    items.line,
    'order_id: order_refused' as reason
from order_items as items
anti join orders on items.order_id = orders.order_id
where items.order_id in (
    select refused.order_id
    from refused
    where refused.source = 'orders'
);

-- name: items_of_unknown_orders
-- Items whose order is not in the file.
select
    items.line,
    'order_id: unknown_order' as reason
from order_items as items
anti join orders on items.order_id = orders.order_id;

-- name: total_orders!
-- What the items that are left of each order add up to.
create table totals as
select
    items.order_id,
    sum(items.quantity * items.unit_price) as total_amount
from order_items as items
group by items.order_id;

-- name: orders_that_do_not_add_up
-- An order is loaded when nothing of it is missing: its items give the total that it says; where it
-- says none, no line of it was refused other than for standing twice.
with incomplete as (
    select distinct refused.order_id
    from refused
    where refused.source = 'order_items' and refused.reason <> :repeated_item
),

judged as (
    select
        orders.line,
        case
            when totals.order_id is null then 'order_id: no_items'
            when totals.total_amount > :largest_total then 'total_amount: out_of_range'
            when orders.total_amount = totals.total_amount then null
            when incomplete.order_id is not null then 'order_id: incomplete_order'
            when orders.total_amount is not null then 'total_amount: total_mismatch'
        end as reason
    from orders
    left join totals on orders.order_id = totals.order_id
    left join incomplete on orders.order_id = incomplete.order_id
)

select
    judged.line,
    judged.reason
from judged
where judged.reason is not null;

-- name: sort_orders!
-- The accepted orders by day, so that reading a day reads little else.
create table sorted_orders as
select
    orders.order_id,
    orders.customer_id,
    cast(totals.total_amount as decimal(14, 2)) as total_amount,
    orders.placed_at,
    cast(orders.placed_at as date) as placed_on
from orders
inner join totals on orders.order_id = totals.order_id
order by
    placed_on,
    orders.order_id;

-- name: sort_items!
-- Their items, likewise.
create table sorted_items as
select
    items.order_id,
    items.line_number,
    items.product_id,
    items.quantity,
    items.unit_price,
    orders.placed_on
from order_items as items
inner join sorted_orders as orders on items.order_id = orders.order_id
order by
    orders.placed_on,
    items.order_id,
    items.line_number;

-- name: days
-- The days of the accepted orders.
select distinct orders.placed_on
from sorted_orders as orders
order by orders.placed_on;

-- name: orders_of_day
-- The accepted orders of a day.
select
    orders.order_id,
    orders.customer_id,
    orders.total_amount,
    orders.placed_at
from sorted_orders as orders
where orders.placed_on = :day;

-- name: items_of_day
-- The items of the accepted orders of a day.
select
    items.order_id,
    items.line_number,
    items.product_id,
    items.quantity,
    items.unit_price
from sorted_items as items
where items.placed_on = :day;
