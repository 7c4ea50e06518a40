-- sqlfluff:dialect:duckdb
-- sqlfluff:templater:placeholder:time_zone:'text'
-- sqlfluff:templater:placeholder:decimal_mark:'.'
-- sqlfluff:templater:placeholder:currency:'text'
-- sqlfluff:templater:placeholder:country_file:'text'
-- sqlfluff:templater:placeholder:directory:'text'
-- sqlfluff:templater:placeholder:files:'text'
-- sqlfluff:templater:placeholder:columns:1 as a
-- sqlfluff:templater:placeholder:with_comma:true
-- sqlfluff:templater:placeholder:with_point:true
-- sqlfluff:templater:placeholder:key:1
-- sqlfluff:templater:placeholder:has_key:true
-- sqlfluff:templater:placeholder:same_key:raw.a = newest.a
-- sqlfluff:templater:placeholder:first_line:2
-- sqlfluff:templater:placeholder:source_quarantined:refused_rows
-- sqlfluff:templater:placeholder:order_by:_record
-- sqlfluff:templater:placeholder:rows:select 1 as _record
-- sqlfluff:templater:placeholder:view:orders
-- sqlfluff:templater:placeholder:column:reason
-- sqlfluff:templater:placeholder:storage:text
-- sqlfluff:templater:placeholder:sales:0
-- sqlfluff:templater:placeholder:returns:0
-- sqlfluff:templater:placeholder:file:'text'
-- What DuckDB does for `ecom ingest --mapping`: raw files as views of text, a mapping's queries over
-- them, and what became of each raw record.

-- name: prepare#
-- What a mapping may call. Each macro that reads text gives what it cannot read unchanged, so that the
-- contract refuses it and shows what it said; number() alone gives null.
set timezone = :time_zone;

create table country_names as
select
    names.code,
    unnest(string_split(names.names, '|')) as name
from read_csv(:country_file, header = true, all_varchar = true) as names;

insert into country_names
select distinct
    names.code,
    lower(names.code) as name
from country_names as names;

-- The English name, ISO 3166-1 alpha-2 or alpha-3 of a country as its alpha-2 code.
create macro country(x) as coalesce(
    (
        select names.code
        from country_names as names
        where
            names.name = trim(
                regexp_replace(
                    lower(strip_accents(replace(x, '&', ' and '))), '[^a-z]+', ' ', 'g'  -- noqa: RF03
                )
            )
    ),
    x
);

-- A number without what people write around it: signs and codes of currencies, blanks, and brackets or
-- a minus at the end for what is negative.
create macro bare_number(x) as regexp_replace(
    regexp_replace(
        regexp_replace(
            regexp_replace(
                replace(x, '−', '-'),
                '[A-Z]{0,3}\p{Sc}|^\s*[A-Z]{3}[\s\x{A0}]+|[\s\x{A0}]+[A-Z]{3}\s*$',
                '',
                'g'
            ),
            '^[\s\x{A0}\x{202F}]+|[\s\x{A0}\x{202F}]+$', '', 'g'
        ),
        '^\((.+)\)$',
        '-\1'
    ),
    '^([^-].*)-$',
    '-\1'
);

-- Thousands may be set apart by commas, blanks or apostrophes; where they are, by all three digits.
create macro pointed_number(bare) as case
    when
        regexp_full_match(
            bare, '[+-]?([0-9]+|[0-9]{1,3}([,''\s\x{A0}\x{202F}][0-9]{3})+)(\.[0-9]*)?'
        )
        or regexp_full_match(bare, '[+-]?\.[0-9]+')
        then regexp_replace(bare, '^\+|[,''\s\x{A0}\x{202F}]', '', 'g')
end;

create macro number_text(x, decimal_mark) as case
    when regexp_full_match(x, '-?[0-9]+') then x
    when decimal_mark = ',' then pointed_number(translate(bare_number(x), ',.', '.,'))
    when regexp_full_match(x, '-?[0-9]+\.[0-9]+') then x
    else pointed_number(bare_number(x))
end;

-- For arithmetic; rounded to four decimals, null where x is no number. Floating point has exponents,
-- which as text are no number to hand on: a spreadsheet writes ids so. Of 19 digits, for DuckDB
-- multiplies decimals of up to 18 within 18.
create macro number(x, decimal_mark := :decimal_mark) as
try_cast(
    coalesce(
        number_text(x, decimal_mark),
        case when regexp_full_match(x, '[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+') then x end
    ) as decimal(19, 4)
);

-- For what is handed on as it is.
create macro plain(x, decimal_mark := :decimal_mark) as
coalesce(number_text(x, decimal_mark), x);

create macro shop_currency() as :currency;

create macro cents(amount) as cast(round(amount * 100) as hugeint);

-- In whole cents, rounded half up; null of nothing.
create macro cents_of(amount, part, whole) as (2 * cents(amount) * cents(part) + cents(whole))
// nullif(2 * cents(whole), 0);

-- A line's share of an amount of its order, such as a discount: what falls to all lines so far, less
-- what falls to those before. So the shares add up to the amount, and none is more than its line where
-- the amount is not more than the lines.
create macro share(amount, line, so_far, whole) as cast(
    cents_of(amount, so_far, whole) - cents_of(amount, so_far - line, whole) as decimal(18, 0)
) * 0.01;

create macro day_pieces(x) as trim(regexp_replace(x, '[\s/.,-]+', '/', 'g'), '/');

-- The day of 'DMY', 'MDY' or 'YMD' as a timestamp; months as numbers or English names.
create macro day_read(pieces, date_order) as case
    when date_order = 'YMD' and regexp_matches(pieces, '^[0-9]{4}/')
        then try_strptime(pieces, ['%Y/%m/%d', '%Y/%b/%d', '%Y/%B/%d'])
    when date_order = 'DMY' and regexp_matches(pieces, '/[0-9]{4}$')
        then try_strptime(pieces, ['%d/%m/%Y', '%d/%b/%Y', '%d/%B/%Y'])
    when date_order = 'MDY' and regexp_matches(pieces, '/[0-9]{4}$')
        then try_strptime(pieces, ['%m/%d/%Y', '%b/%d/%Y', '%B/%d/%Y'])
    when date_order = 'DMY' and regexp_matches(pieces, '/[0-9]{2}$')
        then try_strptime(pieces, ['%d/%m/%y', '%d/%b/%y', '%d/%B/%y'])
    when date_order = 'MDY' and regexp_matches(pieces, '/[0-9]{2}$')
        then try_strptime(pieces, ['%m/%d/%y', '%b/%d/%y', '%B/%d/%y'])
end;

create macro day(x, date_order) as coalesce(
    strftime(day_read(day_pieces(x), date_order), '%Y-%m-%d'), x
);

create macro split_instant(x) as regexp_extract(
    x,
    '^\s*(.*?[^T ,])(?:[T ,]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)'
    || ' *([AaPp]?)\.?(?:[Mm]\.?)?)?\s*$',
    ['day', 'clock', 'half']
);

create macro clock_read(clock, half) as case
    when clock = '' then time '00:00'
    when half = '' then try_cast(clock as time)
    when try_cast(split_part(clock, ':', 1) as integer) not between 1 and 12 then null
    when upper(half) = 'P' and not clock like '12:%' then try_cast(clock as time) + to_hours(12)
    when upper(half) = 'A' and clock like '12:%' then try_cast(clock as time) - to_hours(12)
    else try_cast(clock as time)
end;

create macro instant_read(split, date_order) as
cast(day_read(day_pieces(split.day), date_order) as date) + clock_read(split.clock, split.half);

-- Of the two instants that a wall clock shows alike when clocks are set back, the earlier.
create macro in_zone(wall, zone) as case
    when timezone(zone, timezone(zone, wall) - interval 1 hour) = wall
        then timezone(zone, wall) - interval 1 hour
    else timezone(zone, wall)
end;

-- A day and a time as text: in UTC where a zone is given, otherwise without an offset, which is taken
-- to be in the shop's zone.
create macro instant(x, date_order, zone := null) as coalesce(
    case
        when zone is null then cast(instant_read(split_instant(x), date_order) as text)
        else cast(
            timezone('UTC', in_zone(instant_read(split_instant(x), date_order), zone)) as text
        ) || 'Z'
    end,
    x
);

-- name: lock#
-- From here on nothing but the scratch directory is read or written.
set allowed_directories = [:directory];

set enable_external_access = false;

set lock_configuration = true;

-- name: show_raw#
-- The records of raw files, each column text, those of all files together.
create view :raw_name as
select :columns
from read_parquet([:files], union_by_name = true);

-- name: show_all#
-- All of them count.
create view :name as
select *  -- noqa: AM04
from :raw_name;

-- name: show_newest#
-- Those count that no later file replaces.
create view :name as
select raw.*  -- noqa: AM04
from :raw_name as raw
anti join read_parquet(:file) as replaced on raw._record = replaced._record;

-- name: decimal_marks
-- Whether numbers of a view show a decimal comma, and whether any shows a point: with one or two
-- digits after it, it can be no thousands separator.
select
    coalesce(bool_or(:with_comma), false) as with_comma,
    coalesce(bool_or(:with_point), false) as with_point
from (
    select *  -- noqa: AM04
    from :raw_name
    limit 10000  -- noqa: AM09
) as raw;

-- name: all_rows
-- What a query gives.
select *  -- noqa: AM04
from :view;

-- name: show_kept#
-- What a query gave, for those that follow.
create view :name as
select *  -- noqa: AM04
from read_parquet(:file);

-- name: part
-- The rows of a part in the order of the raw files.
select * replace (cast(_record as bigint) as _record)  -- noqa: AM04
from :view
order by :order_by;

-- name: records
-- Each raw record with its money in cents, null where that cannot be read.
select
    raw._record,
    try_cast(round(cast(:sales as decimal(24, 6)) * 100) as bigint) as sales,
    try_cast(round(cast(:returns as decimal(24, 6)) * 100) as bigint) as returned
from :raw_name as raw;

-- name: replaced
-- The records that do not count because a later file has their key.
with newest as (
    select
        :key,  -- noqa: AL03
        max(raw._record >> 40) as file_number
    from :raw_name as raw
    where :has_key
    group by all
    having min(raw._record >> 40) < max(raw._record >> 40)
)

select
    raw._record,
    'a later file has it' as reason
from :raw_name as raw
inner join newest on :same_key and raw._record >> 40 < newest.file_number;

-- name: of_records
-- What a mapping says of records: why they are left out, or which record's row they are in.
select
    cast(said._record as bigint) as _record,
    cast(said.:column as :storage) as :column
from :view as said;

-- name: placed
-- Refused rows with the raw file and the line that they come from.
select
    refused.* exclude (line, file),
    raw_files.name as file,
    part._record & ((cast(1 as bigint) << 40) - 1) as line
from (:rows) as refused
inner join read_parquet(:file, file_row_number = true) as part
    on refused.line = part.file_row_number + (:first_line)
inner join raw_files on part._record >> 40 = raw_files.number;

-- name: refused_lines
-- The rows of a source that are not loaded.
select refused.line
from :source_quarantined as refused
where not contains(refused.reason, 'row: loaded_without');
