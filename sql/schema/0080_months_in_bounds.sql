-- The application's role may have months made, and tells when carts were submitted: both within bounds.

-- As in 0004; now with bounds, for it acts in the owner's name.
create or replace function shop.ensure_month(month date)
returns void
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if month not between '2000-01-01' and current_date + 1 then
        raise 'no cart can have been submitted on %', month using
            errcode = 'datetime_field_overflow',
            hint = 'Months are made for submissions from 2000-01-01 until tomorrow.';
    end if;
    if shop.create_month(month) then
        perform shop.attach_month(month);
    end if;
end
$$;

comment on function shop.ensure_month is
'Makes and attaches a month''s empty partitions if they are missing. For a checkout: refuses a day
before 2000, where no submission is taken for true, and one after tomorrow.';

-- As in 0050; now with bounds, for every command reads the days: Postgres knows years before Christ
-- and after 9999, and its clients do not.
create or replace function ops.note_submitted_days()
returns trigger
language plpgsql
security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ops.day_changes (day, changes)
    select distinct (submitted_at at time zone 'UTC')::date, 1
    from changed
    where submitted_at between '0001-01-01 00:00+00' and '9999-12-31 23:59:59.999999+00';
    return null;
end
$$;
