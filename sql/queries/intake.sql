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
-- sqlfluff:templater:placeholder:flaws_files:'text'
-- sqlfluff:templater:placeholder:flaws:'text'
-- sqlfluff:templater:placeholder:types:'text'
-- sqlfluff:templater:placeholder:fields:1
-- sqlfluff:templater:placeholder:owner:coalesce(1, 1)
-- sqlfluff:templater:placeholder:same_key:parsed.line = listed.line
-- sqlfluff:templater:placeholder:largest_total:1
-- sqlfluff:templater:placeholder:money:1
-- sqlfluff:templater:placeholder:subject:'text'
-- sqlfluff:templater:placeholder:total:1
-- sqlfluff:templater:placeholder:table_name:'text'
-- sqlfluff:templater:placeholder:tables:'text'
-- sqlfluff:templater:placeholder:kind:'text'
-- sqlfluff:templater:placeholder:id:order_id
-- What DuckDB does with the files of one ingest: what rows of the files say about each other. What
-- it finds is kept in Parquet files of a scratch directory, which views show; memory is bounded by
-- DuckDB's own limit. Lines count from the header, which is 1.

-- name: write!
-- Adds rows to those that a view shows.
copy (:rows) to :file (format parquet);

-- name: no_rows
-- What is read of a source, before anything is.
select
    cast(null as bigint) as line,
    cast(null as text) as reason,
    cast(null as text) as flaw,
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
-- is of; those that are left; and of these the lines whose flaw is a value that is left out.
create view :source_read as
select
    read.line,
    read.reason,
    read.flaw,
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

create view :source_flawed as
select
    flawed.line,
    flawed.reason
from (
    select
        read.line,
        read.flaw as reason
    from :source_read as read
    where read.flaw is not null and read.reason is null
    union all
    select
        found.line,
        found.reason
    from read_parquet(:flaws_files) as found
) as flawed
anti join read_parquet(:refused_files) as refused on flawed.line = refused.line;

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
    nullif(concat_ws('; ', :flaws), '') as flaw,
    case when reason is not null then :money end as money,
    :values
from typed;

-- name: quarantined
-- All rows of a source of which something is refused, in the order of the file.
select
    refused.line,
    refused.reason
from :source_refused as refused
union all
select
    flawed.line,
    string_agg(flawed.reason, '; ' order by flawed.reason) || '; row: loaded_without' as reason
from :source_flawed as flawed
group by flawed.line
order by line;

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
    cast(null as text) as file,
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
    cast(null as text) as file,
    refused.line,
    refused.row,
    refused.reason,
    refused.subject,
    case
        when loaded.subject is not null then null
        when
            refused.subject is not null
            and refused.line > min(refused.line) over (partition by refused.subject)
            then null
        when coalesce(lines.are_readable, false) then nullif(refused.money, 0)
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
        select coalesce(sum(coalesce(items.money, items.amount - items.discount_amount)), 0)
        from order_items_read as items
        where items.money is not null or items.reason is null
    ) as amount_read,
    (
        select coalesce(sum(items.amount - items.discount_amount), 0)
        from order_items as items
    ) as amount_accepted;

-- name: order_totals_accepted
-- What the orders that are left add to their lines.
select coalesce(sum(orders.shipping_amount + orders.tax_amount - orders.discount_amount), 0) as amount
from orders;

-- name: return_totals
-- The money in the returns that were read, and in those that are left.
select
    (
        select coalesce(sum(coalesce(returned.money, returned.amount + returned.tax_amount)), 0)
        from returns_read as returned
        where returned.money is not null or returned.reason is null
    ) as amount_read,
    (
        select coalesce(sum(returned.amount + returned.tax_amount), 0)
        from returns as returned
    ) as amount_accepted;

-- name: accepted_in_part
-- What is left of a source, without the values that another row has.
select :columns
from :source as kept
left join (  -- noqa: ST11
    select distinct found.line
    from read_parquet(:flaws_files) as found
) as flawed on kept.line = flawed.line;

-- name: accepted
-- What is left of a source.
select :columns
from :source;

-- name: external_ids
-- Ids of rows that are left, where they are text.
select distinct
    :kind as kind,
    kept.:id as id,
    kept.external_id
from :source as kept
where kept.external_id is not null;

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

-- name: first_customer
-- A customer whom an order names.
select min(orders.customer_id) as customer_id
from orders_read as orders;

-- name: orders_without_id
-- How many rows of orders do not tell which order they are.
select count(*) as row_count
from orders_read as orders
where
    orders.order_id is null
    or regexp_matches(orders.reason, '(^|; )order_id: (missing|not_|out_of_range|too_long|nul_character)');

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
-- Rows whose columns stand in a CSV file without a header, each row there once.
select
    parsed.line,
    :reason_code as reason,
    :owner as order_id
from :source as parsed
inner join read_csv(:file, header = false, columns = :types) as listed on :same_key;

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
    sum(items.amount - items.discount_amount) as goods_amount
from order_items as items
group by items.order_id;

-- name: orders_that_do_not_add_up
-- An order is loaded when nothing of it is missing: its items less discounts, with shipping and tax,
-- give the total that it says; where it says none, no line of it was refused other than for standing
-- twice.
with incomplete as (
    select distinct refused.order_id
    from order_items_refused as refused
    where refused.reason <> :repeated_item
),

added as (
    select
        orders.line,
        orders.order_id,
        orders.total_amount as said,
        totals.goods_amount - orders.discount_amount as goods_amount,
        totals.goods_amount - orders.discount_amount
        + orders.shipping_amount + orders.tax_amount as total_amount
    from orders
    left join totals on orders.order_id = totals.order_id
),

judged as (
    select
        orders.line,
        orders.order_id,
        case
            when orders.total_amount is null then 'order_id: no_items'
            when orders.total_amount > :largest_total then 'total_amount: out_of_range'
            when orders.goods_amount >= 0 and orders.said = orders.total_amount then null
            when incomplete.order_id is not null then 'order_id: incomplete_order'
            when orders.goods_amount < 0 then 'discount_amount: more_than_items'
            when orders.said is not null then 'total_amount: total_mismatch'
        end as reason
    from added as orders
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
    orders.shipping_amount,
    orders.tax_amount,
    cast(
        totals.goods_amount - orders.discount_amount + orders.shipping_amount + orders.tax_amount
        as decimal(14, 2)
    ) as total_amount,
    orders.placed_at,
    cast(orders.placed_at as date) as placed_on
from orders
inner join totals on orders.order_id = totals.order_id
order by
    placed_on,
    orders.order_id;

-- name: discount_shares
-- The discount of an order as a whole, spread over its lines in proportion to what they come to, in
-- whole cents: first each line's share rounded down, then a cent more for those that lost most by
-- that, of equals the first (the method of the largest remainder).
with lines as (
    select
        items.order_id,
        items.line_number,
        cast(orders.discount_amount * 100 as hugeint) as discount,
        cast((items.amount - items.discount_amount) * 100 as hugeint) as cents,
        cast(totals.goods_amount * 100 as hugeint) as all_cents
    from order_items as items
    inner join orders on items.order_id = orders.order_id
    inner join totals on items.order_id = totals.order_id
    where orders.discount_amount > 0
),

rounded_down as (
    select
        lines.order_id,
        lines.line_number,
        lines.discount,
        lines.discount * lines.cents // lines.all_cents as share,
        lines.discount * lines.cents % lines.all_cents as remainder
    from lines
),

ranked as (
    select
        rounded_down.order_id,
        rounded_down.line_number,
        rounded_down.share,
        rounded_down.discount
        - sum(rounded_down.share) over (partition by rounded_down.order_id) as cents_left,
        row_number() over (
            partition by rounded_down.order_id
            order by rounded_down.remainder desc, rounded_down.line_number asc
        ) as place
    from rounded_down
)

select
    ranked.order_id,
    ranked.line_number,
    cast(ranked.share + cast(ranked.place <= ranked.cents_left as integer) as decimal(18, 0)) * 0.01
        as amount
from ranked;

-- name: sorted_items
-- Their items by day, each with its share of the order's discount.
select
    items.order_id,
    items.line_number,
    items.product_id,
    items.quantity,
    items.unit_price,
    items.amount,
    cast(items.discount_amount + coalesce(shares.amount, 0) as decimal(14, 2)) as discount_amount,
    cast(orders.placed_at as date) as placed_on
from order_items as items
inner join orders on items.order_id = orders.order_id
left join discount_shares as shares
    on items.order_id = shares.order_id and items.line_number = shares.line_number
order by
    placed_on,
    items.order_id,
    items.line_number;

-- name: days
-- The days of the accepted orders.
select distinct orders.placed_on
from sorted_orders as orders
order by orders.placed_on;
