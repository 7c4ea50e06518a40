-- sqlfluff:dialect:duckdb
-- sqlfluff:templater:placeholder:file_name:'text'
-- sqlfluff:templater:placeholder:reason_code:'text'
-- sqlfluff:templater:placeholder:repeated_item:'text'
-- sqlfluff:templater:placeholder:file:'text'
-- sqlfluff:templater:placeholder:rows_files:'text'
-- sqlfluff:templater:placeholder:refused_files:'text'
-- sqlfluff:templater:placeholder:first_line:1
-- sqlfluff:templater:placeholder:last_line:1
-- sqlfluff:templater:placeholder:rows:select 1
-- sqlfluff:templater:placeholder:columns:1 as a
-- sqlfluff:templater:placeholder:types:'text'
-- sqlfluff:templater:placeholder:fields:1
-- sqlfluff:templater:placeholder:owner:coalesce(1, 1)
-- sqlfluff:templater:placeholder:same_key:parsed.line = listed.line
-- sqlfluff:templater:placeholder:largest_total:1
-- sqlfluff:templater:placeholder:latest:'text'
-- sqlfluff:templater:placeholder:money:1
-- sqlfluff:templater:placeholder:subject:'text'
-- sqlfluff:templater:placeholder:total:1
-- sqlfluff:templater:placeholder:table_name:'text'
-- sqlfluff:templater:placeholder:tables:'text'
-- What DuckDB does with the files of one ingest: the rules of single values, and what rows of the
-- files say about each other. What it finds is kept in Parquet files of a scratch directory, which
-- views show; memory is bounded by DuckDB's own limit. Lines count from the header, which is 1.

-- name: prepare#
-- The rules of each kind of value: null where a value keeps its rule, otherwise a code.
set timezone = 'UTC';

create macro missing(x) as x is null or not regexp_matches(x, '\S');

create macro unlike(x, code) as case
    when missing(x) then 'missing'
    when regexp_full_match(trim(lower(x)), '[+-]?(nan|inf|infinity)') then 'not_finite'
    else code
end;

-- v is x as a value of its column's type, null where it is none. Of most numbers it is the very
-- text, which is found out faster than that they follow a pattern.
create macro whole_problem(x, v, low, high) as case
    when v between low and high and cast(v as text) = x then null
    when coalesce(not regexp_full_match(x, '-?[0-9]+(\.0*)?'), true)
        then unlike(x, 'not_a_whole_number')
    when coalesce(v not between low and high, true) then 'out_of_range'
end;

create macro money_problem(x, v, low, high) as case
    when v between low and high and cast(v as text) = x then null
    when coalesce(not regexp_full_match(x, '-?[0-9]+(\.[0-9]*)?'), true)
        then unlike(x, 'not_a_decimal')
    when regexp_matches(x, '\.[0-9]{2}[0-9]*[1-9]') then 'too_many_decimals'
    when coalesce(v not between low and high, true) then 'out_of_range'
end;

create macro text_problem(x, v, low, high) as case
    when missing(x) then 'missing'
    when contains(x, chr(0)) then 'nul_character'
    when length(x) > high then 'too_long'
end;

create macro email_problem(x, v, low, high) as coalesce(
    text_problem(x, v, low, high),
    case when not regexp_full_match(x, '[^@\s]+@[^@\s]+') then 'not_an_email' end
);

-- The codes that ISO 3166-1 assigns; not those that it reserves, such as UK.
create macro country_value(x) as upper(x);

create macro country_problem(x, v, low, high) as coalesce(
    case when missing(x) then 'missing' end,
    case
        when v not in (
            'AD', 'AE', 'AF', 'AG', 'AI', 'AL', 'AM', 'AO', 'AQ', 'AR', 'AS', 'AT', 'AU', 'AW',
            'AX', 'AZ', 'BA', 'BB', 'BD', 'BE', 'BF', 'BG', 'BH', 'BI', 'BJ', 'BL', 'BM', 'BN',
            'BO', 'BQ', 'BR', 'BS', 'BT', 'BV', 'BW', 'BY', 'BZ', 'CA', 'CC', 'CD', 'CF', 'CG',
            'CH', 'CI', 'CK', 'CL', 'CM', 'CN', 'CO', 'CR', 'CU', 'CV', 'CW', 'CX', 'CY', 'CZ',
            'DE', 'DJ', 'DK', 'DM', 'DO', 'DZ', 'EC', 'EE', 'EG', 'EH', 'ER', 'ES', 'ET', 'FI',
            'FJ', 'FK', 'FM', 'FO', 'FR', 'GA', 'GB', 'GD', 'GE', 'GF', 'GG', 'GH', 'GI', 'GL',
            'GM', 'GN', 'GP', 'GQ', 'GR', 'GS', 'GT', 'GU', 'GW', 'GY', 'HK', 'HM', 'HN', 'HR',
            'HT', 'HU', 'ID', 'IE', 'IL', 'IM', 'IN', 'IO', 'IQ', 'IR', 'IS', 'IT', 'JE', 'JM',
            'JO', 'JP', 'KE', 'KG', 'KH', 'KI', 'KM', 'KN', 'KP', 'KR', 'KW', 'KY', 'KZ', 'LA',
            'LB', 'LC', 'LI', 'LK', 'LR', 'LS', 'LT', 'LU', 'LV', 'LY', 'MA', 'MC', 'MD', 'ME',
            'MF', 'MG', 'MH', 'MK', 'ML', 'MM', 'MN', 'MO', 'MP', 'MQ', 'MR', 'MS', 'MT', 'MU',
            'MV', 'MW', 'MX', 'MY', 'MZ', 'NA', 'NC', 'NE', 'NF', 'NG', 'NI', 'NL', 'NO', 'NP',
            'NR', 'NU', 'NZ', 'OM', 'PA', 'PE', 'PF', 'PG', 'PH', 'PK', 'PL', 'PM', 'PN', 'PR',
            'PS', 'PT', 'PW', 'PY', 'QA', 'RE', 'RO', 'RS', 'RU', 'RW', 'SA', 'SB', 'SC', 'SD',
            'SE', 'SG', 'SH', 'SI', 'SJ', 'SK', 'SL', 'SM', 'SN', 'SO', 'SR', 'SS', 'ST', 'SV',
            'SX', 'SY', 'SZ', 'TC', 'TD', 'TF', 'TG', 'TH', 'TJ', 'TK', 'TL', 'TM', 'TN', 'TO',
            'TR', 'TT', 'TV', 'TW', 'TZ', 'UA', 'UG', 'UM', 'US', 'UY', 'UZ', 'VA', 'VC', 'VE',
            'VG', 'VI', 'VN', 'VU', 'WF', 'WS', 'YE', 'YT', 'ZA', 'ZM', 'ZW'
        ) then 'not_a_country'
    end
);

create macro json_problem(x, v, low, high) as coalesce(
    text_problem(x, v, low, high), json_object_problem(x)
);

-- The year comes first and month and day follow it, so that nothing is guessed.
create macro day_problem(x, v, low, high) as case
    when
        coalesce(
            not regexp_full_match(
                x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ]00:00(:00(\.0+)?)?)?'
            ),
            true
        )
        then unlike(x, 'not_a_day')
    when v is null then 'impossible_date'
    when v not between low and high then 'out_of_range'
    when v > cast(timestamptz :latest as date) then 'in_the_future'
end;

-- What shops' systems write besides: a blank before the offset, UTC for Z, small letters.
create macro instant_value(x) as coalesce(
    try_cast(x as timestamptz),
    try_cast(
        regexp_replace(
            regexp_replace(upper(x), ' (UTC|GMT)$|Z\[UTC\]$', 'Z'), ' ([Z+-])', '\1'
        ) as timestamptz
    )
);

create macro instant_problem(x, v, low, high) as case
    when
        coalesce(
            not regexp_full_match(
                x,
                '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}'
                || '([Tt ]([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?'
                || '( ?([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)| (UTC|GMT)|Z\[UTC\])?)?'
            ),
            true
        )
        then unlike(x, 'not_an_instant')
    when v is null then 'impossible_date'
    when cast(v as date) not between low and high then 'out_of_range'
    when v > timestamptz :latest then 'in_the_future'
end;

-- Of rows that are refused: as far as it can be read.
create macro line_money(quantity, unit_price) as try_cast(
    round(
        try_cast(quantity as decimal(16, 3)) * try_cast(unit_price as decimal(20, 4)), 2
    ) as decimal(18, 2)
);

-- jsonb cannot hold a NUL.
create macro shown(x) as replace(x, chr(0), '\x00');

-- name: write!
-- Adds rows to those that a view shows.
copy (:rows) to :file (format parquet);

-- name: no_rows
-- What is read of a source, before anything is.
select
    cast(null as bigint) as line,
    cast(null as text) as reason,
    cast(null as decimal(18, 2)) as money,
    :nulls
where false;

-- name: no_refusals
-- What is refused of a source for other rows' sake, before anything is.
select
    cast(null as bigint) as line,
    cast(null as text) as reason,
    cast(null as bigint) as order_id
where false;

-- name: open_source#
-- The rows of a source as they were read; those refused, with the order that an order or an item
-- is of; and those that are left.
create view :source_read as
select
    read.line,
    read.reason,
    read.money,
    :columns
from read_parquet(:rows_files) as read;

create view :source_refused as
select
    read.line,
    read.reason,
    :owner as order_id
from :source_read as read
where read.reason is not null
union all
select
    refused.line,
    refused.reason,
    refused.order_id
from read_parquet(:refused_files) as refused;

create view :source as
select
    read.line,
    :columns
from :source_read as read
anti join read_parquet(:refused_files) as refused on read.line = refused.line
where read.reason is null;

-- name: show_one#
-- The rows of one file.
create view :view_name as
select *  -- noqa: AM04
from read_parquet(:file);

-- name: check_batch
-- A batch of text as values of their types, with a reason where one breaks a rule.
with typed as (
    select
        batch.*,
        :typed
    from batch
)

select  -- noqa: AM04
    typed.line,
    coalesce(typed.problem, nullif(concat_ws('; ', :problems), '')) as reason,
    case when reason is not null then :money end as money,
    :values
from typed;

-- name: quarantined
-- All refused rows of a source, in the order of the file.
select
    refused.line,
    refused.reason
from :source_refused as refused
order by refused.line;

-- name: reasons
-- How many rows of a source are refused, by reason.
select
    refused.reason,
    count(*) as row_count
from :source_quarantined as refused
group by refused.reason
order by
    row_count desc,
    refused.reason asc;

-- name: quarantined_rows
-- The refused rows of a batch as they were read, what they are about, and the money they speak of.
with typed as (
    select
        batch.*,
        :typed
    from batch
)

select
    typed.line,
    case
        when typed.text is null then to_json(struct_pack(:fields))
        else to_json(struct_pack(text := shown(typed.text)))
    end as row,
    refused.reason,
    :subject as subject,
    :money as money,
    :total as total
from typed
inner join :source_quarantined as refused on typed.line = refused.line
where refused.line between :first_line and :last_line;

-- name: no_quarantined_rows
-- Before any are found.
select
    cast(null as bigint) as line,
    cast(null as text) as row,
    cast(null as text) as reason,
    cast(null as text) as subject,
    cast(null as decimal(18, 2)) as money,
    cast(null as decimal(18, 2)) as total
where false;

-- name: refusals
-- All refused rows of a source, each with the money that is missing with it alone.
select
    :table_name as table_name,
    :file_name as source,
    refused.line,
    refused.row,
    refused.reason,
    refused.subject,
    refused.money as amount
from :source_rows as refused;

-- name: refusals_of_orders
-- The same of orders: what the first row of an order, that is not loaded, says beyond its lines,
-- where they are missing or cannot all be read.
with lines as (
    select
        refused.subject,
        sum(refused.money) as money,
        bool_and(refused.money is not null) as are_readable
    from order_items_rows as refused
    group by refused.subject
),

loaded as (
    select cast(orders.order_id as text) as subject
    from orders
)

select
    :table_name as table_name,
    :file_name as source,
    refused.line,
    refused.row,
    refused.reason,
    refused.subject,
    case
        when loaded.subject is not null or coalesce(lines.are_readable, false) then null
        when
            refused.subject is not null
            and refused.line > min(refused.line) over (partition by refused.subject)
            then null
        else greatest(refused.total - coalesce(lines.money, 0), 0)
    end as amount
from orders_rows as refused
left join lines on refused.subject = lines.subject
left join loaded on refused.subject = loaded.subject;

-- name: still_accepted
-- Of the listed subjects, those of rows that are left.
select
    listed.table_name,
    listed.subject
from read_csv(:file, header = false, columns = :types) as listed
where
    listed.table_name in (:tables)
    and listed.subject in (
        select :subject
        from :source
    );

-- name: line_totals
-- The money in the lines that were read, and in those that are left.
select
    (
        select coalesce(sum(coalesce(items.money, items.quantity * items.unit_price)), 0)
        from order_items_read as items
        where items.money is not null or items.reason is null
    ) as amount_read,
    (
        select coalesce(sum(items.quantity * items.unit_price), 0)
        from order_items as items
    ) as amount_accepted;

-- name: accepted
-- What is left of a source.
select :columns
from :source;

-- name: orders_to_look_up
-- Of the orders that are left, what Postgres must know about.
select
    orders.order_id,
    orders.customer_id
from orders;

-- name: orders_named
-- Ids of all orders that the files name, accepted or not.
select distinct named.order_id
from (
    select orders.order_id
    from orders_read as orders
    union all
    select items.order_id
    from order_items_read as items
) as named
where named.order_id is not null;

-- name: order_days
-- The days of the first and the last order that is left.
select
    min(cast(orders.placed_at as date)) as first_day,
    max(cast(orders.placed_at as date)) as last_day
from orders;

-- name: orders_without_id
-- How many rows of orders do not tell which order they are.
select count(*) as row_count
from orders_read as orders
where
    orders.order_id is null
    or regexp_matches(orders.reason, '(^|; )order_id: (missing|not_|out_of_range)');

-- name: products_to_look_up
-- The products of the items that are left.
select distinct items.product_id
from order_items as items;

-- name: repeated
-- Rows whose columns stand in an earlier one too.
with firsts as (
    select
        :key_columns,
        min(parsed.line) as line
    from :source as parsed
    group by all
    having count(*) > 1
)

select
    parsed.line,
    :reason_code as reason,
    :owner as order_id
from :source as parsed
inner join firsts as listed on :same_key and parsed.line > listed.line;

-- name: listed
-- Rows whose columns stand in a CSV file without a header.
select
    parsed.line,
    :reason_code as reason,
    :owner as order_id
from :source as parsed
semi join read_csv(:file, header = false, columns = :types) as listed on :same_key;

-- name: items_without_order
-- Items whose order is not in its file, or not left of it.
with gone as (
    select distinct refused.order_id
    from orders_refused as refused
)

select
    items.line,
    case
        when gone.order_id is null then 'order_id: unknown_order'
        else 'order_id: order_refused'
    end as reason,
    items.order_id
from order_items as items
anti join orders on items.order_id = orders.order_id
left join gone on items.order_id = gone.order_id;

-- name: totals
-- What the items that are left of each order add up to.
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
    from order_items_refused as refused
    where refused.reason <> :repeated_item
),

judged as (
    select
        orders.line,
        orders.order_id,
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
    judged.reason,
    judged.order_id
from judged
where judged.reason is not null;

-- name: sorted_orders
-- The accepted orders by day.
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

-- name: sorted_items
-- Their items by day.
select
    items.order_id,
    items.line_number,
    items.product_id,
    items.quantity,
    items.unit_price,
    cast(orders.placed_at as date) as placed_on
from order_items as items
inner join orders on items.order_id = orders.order_id
order by
    placed_on,
    items.order_id,
    items.line_number;

-- name: days
-- The days of the accepted orders.
select distinct orders.placed_on
from sorted_orders as orders
order by orders.placed_on;
