-- sqlfluff:dialect:duckdb
-- sqlfluff:templater:placeholder:latest:'text'
-- sqlfluff:templater:placeholder:currency:'text'
-- sqlfluff:templater:placeholder:time_zone:'text'
-- What DuckDB holds single values of a shop's files to, by the kinds of loading/contract.py.

-- name: prepare#
-- The rules of each kind of value: null where a value keeps its rule, otherwise a code.
set timezone = :time_zone;

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

-- An id that is no number of up to 15 digits becomes one: 2^62 and the first 62 bits of its MD5. Two
-- of ten million ids are the same number once in a hundred thousand shops; external_ids refuses it.
create macro is_number(x) as regexp_full_match(
    x, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?'
);

create macro is_text_id(x) as not missing(x)
and trim(upper(x)) <> 'NULL'
and length(x) <= 200
and not contains(x, chr(0))
and (not is_number(trim(x)) or regexp_full_match(trim(x), '[1-9][0-9]{15,}'));

create macro first_text_id() as 4611686018427387904;

create macro id_value(x) as case
    -- As nearly all are; what is text is found out at more cost.
    when cast(try_cast(x as bigint) as text) = x and length(x) <= 15 then cast(x as bigint)
    when is_text_id(x)
        then first_text_id() + cast(cast('0x' || left(md5(trim(x)), 16) as ubigint) >> 2 as bigint)
    else try_cast(x as bigint)
end;

create macro id_problem(x, v, low, high) as case
    when v between low and high and cast(v as text) = x then null
    when v >= first_text_id() then null
    when missing(x) or trim(upper(x)) = 'NULL' then 'missing'
    else coalesce(text_problem(x, v, null, 200), whole_problem(x, v, low, high))
end;

create macro decimal_problem(x, v, low, high, surplus) as case
    when coalesce(not regexp_full_match(x, '-?[0-9]+(\.[0-9]*)?'), true)
        then unlike(x, 'not_a_decimal')
    when regexp_matches(x, surplus) then 'too_many_decimals'
    when coalesce(v not between low and high, true) then 'out_of_range'
end;

create macro money_problem(x, v, low, high) as case
    when v between low and high and cast(v as text) = x then null
    else decimal_problem(x, v, low, high, '\.[0-9]{2}[0-9]*[1-9]')
end;

create macro price_problem(x, v, low, high) as case
    when v between low and high and cast(try_cast(v as decimal(12, 2)) as text) = x then null
    else decimal_problem(x, v, low, high, '\.[0-9]{4}[0-9]*[1-9]')
end;

-- What shops' systems write where an order is a guest's.
create macro is_guest(x) as missing(x) or trim(upper(x)) in ('0', 'NULL');

create macro buyer_value(x) as case when not is_guest(x) then id_value(x) end;

create macro buyer_problem(x, v, low, high) as case
    when not is_guest(x) then id_problem(x, v, low, high)
end;

create macro flag_value(x) as case
    when lower(x) in ('true', 't', 'yes', 'y', '1') then true
    when lower(x) in ('false', 'f', 'no', 'n', '0') then false
end;

create macro flag_problem(x, v, low, high) as case
    when v is null then unlike(x, 'not_a_flag')
end;

create macro currency_value(x) as upper(x);

create macro currency_problem(x, v, low, high) as case
    when coalesce(not regexp_full_match(v, '[A-Z]{3}'), true) then unlike(x, 'not_a_currency')
    when v <> :currency then 'other_currency'
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
create macro any_instant(x) as coalesce(
    try_cast(x as timestamptz),
    try_cast(
        regexp_replace(
            regexp_replace(upper(x), ' (UTC|GMT)$|Z\[UTC\]$', 'Z'), ' ([Z+-])', '\1'
        ) as timestamptz
    )
);

-- Where clocks are set back, a wall clock shows two instants alike; DuckDB takes the later.
create macro first_instant(v, wall) as case
    when cast(v - interval 1 hour as timestamp) = wall then v - interval 1 hour
    when cast(v - interval 30 minute as timestamp) = wall then v - interval 30 minute
    else v
end;

create macro instant_value(x) as case
    when :time_zone <> 'UTC' and regexp_full_match(x, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9:.]+)?')
        then first_instant(try_cast(x as timestamptz), try_cast(x as timestamp))
    else any_instant(x)
end;

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

-- The money of a row as far as it can be read: what a line comes to, what an order adds to its
-- lines, what a return gives back.
create macro line_money(quantity, unit_price, amount, discount_amount) as try_cast(
    coalesce(
        try_cast(amount as decimal(18, 2)),
        try_cast(
            round(
                try_cast(quantity as decimal(16, 3)) * try_cast(unit_price as decimal(20, 4)), 2
            ) as decimal(18, 2)
        )
    ) - coalesce(try_cast(discount_amount as decimal(18, 2)), 0) as decimal(18, 2)
);

create macro order_money(discount_amount, shipping_amount, tax_amount) as try_cast(
    coalesce(try_cast(shipping_amount as decimal(18, 2)), 0)
    + coalesce(try_cast(tax_amount as decimal(18, 2)), 0)
    - coalesce(try_cast(discount_amount as decimal(18, 2)), 0) as decimal(18, 2)
);

create macro return_money(amount, tax_amount) as try_cast(
    try_cast(amount as decimal(18, 2)) + coalesce(try_cast(tax_amount as decimal(18, 2)), 0)
    as decimal(18, 2)
);

-- jsonb cannot hold a NUL.
create macro shown(x) as replace(x, chr(0), '\x00');
