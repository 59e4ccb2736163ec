-- Recurring revenue as it is invoiced: each line with a service period counts in that period.
-- Grain: source_id. Owner: finance. Reads: staging.accounting_document, staging.accounting_document_line,
-- staging.accounting_subscription, core.identity_link, playbook.revenue, build.run.
--
-- A line's month is net x full period / billed days / months of the full period, to the cent. The full period is
-- that of the subscription which the invoice bills; else the invoice's own, when it is of whole months and the
-- line a part of it; else the months that follow the line's first day. A credit note takes back the service that
-- it names, and none when it names none: that is cash.
with documents as (
    select
        d.*,
        d.kind = 'credit_note' as is_credit,
        p.overdue_days,
        p.renewal_days,
        p.one_off,
        cast(timezone(r.zone, r.as_of) as date) as today,
        r.zone,
        r.currency as home_currency
    from staging.accounting_document as d
    cross join playbook.revenue as p
    cross join build.run as r
    where d.kind in ('invoice', 'credit_note')
),

lines as (
    select
        d.document_key || ':' || l.position as source_id,
        d.* exclude (service_from, service_to, net),
        l.description,
        l.net,
        l.quantity * l.unit_price as listed,
        l.service_from is not null and l.service_to is not null as has_own_period,
        if(has_own_period, l.service_from, d.service_from) as first_on,
        if(has_own_period, l.service_to, d.service_to) + 1 as last_on,
        d.service_from as whole_from,
        d.service_to + 1 as whole_to
    from documents as d
    inner join staging.accounting_document_line as l using (document_key)
    union all by name
    select
        d.document_key as source_id,
        d.* exclude (service_from, service_to),
        d.service_from as first_on,
        d.service_to + 1 as last_on
    from documents as d
    where d.document_key not in (select document_key from staging.accounting_document_line)
),

services as (
    select
        *,
        min(net) over (partition by document_key) < 0 as has_credits,
        -- How many months later, by the calendar, the period ends, and where its whole months end.
        datediff('month', first_on, last_on) as ahead,
        if(cast(first_on + to_months(ahead) as date) > last_on, ahead - 1, ahead) as whole_months,
        datediff('month', whole_from, whole_to) as document_months,
        last_on - first_on as days
    from lines
    where first_on is not null and last_on > first_on
        and len(list_filter(one_off, word -> contains(lower(coalesce(description, '')), word))) = 0
),

billed as (
    select
        s.*,
        -- A month from the 31st ends on the 28th, and one from the 28th may be the end of one from the 31st.
        cast(first_on + to_months(ahead) as date) = last_on or cast(last_on - to_months(ahead) as date) = first_on
            as is_whole,
        document_months > 0
            and (cast(whole_from + to_months(document_months) as date) = whole_to
                or cast(whole_to - to_months(document_months) as date) = whole_from)
            and first_on >= whole_from and last_on <= whole_to and days < whole_to - whole_from as is_part,
        b.interval as plan_interval,
        cast(coalesce(b.interval_count, 1) * if(b.interval = 'year', 12, 1) as bigint) as plan_length,
        b.started_on
    from services as s
    left join (
        select subscription_id, any_value(interval) as interval, any_value(interval_count) as interval_count,
            any_value(started_on) as started_on
        from staging.accounting_subscription
        where started_on is not null and coalesce(interval_count, 1) > 0
            and interval in ('week', 'month', 'year')
        group by subscription_id
        having count(*) = 1
    ) as b on b.subscription_id = s.subscription_id and s.first_on >= b.started_on
),

anchored as (
    -- The billing period of the plan in which the line begins.
    select
        *,
        if(
            plan_interval in ('month', 'year'),
            (datediff('month', started_on, first_on)
                - if(cast(started_on + to_months(datediff('month', started_on, first_on)) as date) > first_on, 1, 0)
            ) // plan_length * plan_length,
            null
        ) as months_in
    from billed
),

ratios as (
    select
        *,
        case
            when plan_interval = 'week' then 7 * 13
            when months_in is not null
                then cast(started_on + to_months(cast(months_in + plan_length as integer)) as date)
                    - cast(started_on + to_months(cast(months_in as integer)) as date)
            when is_part then whole_to - whole_from
            when is_whole then 1
            when days in (7, 14) and not has_credits and not is_credit then 7 * 13
            else month_days
        end as top,
        case
            when plan_interval = 'week' then 3 * days
            when months_in is not null then days * plan_length
            when is_part then days * document_months
            when is_whole then ahead
            when days in (7, 14) and not has_credits and not is_credit then 3 * days
            else whole_months * month_days + (last_on - cast(first_on + to_months(whole_months) as date))
        end as bottom
    from (
        select
            *,
            cast(first_on + to_months(whole_months + 1) as date) - cast(first_on + to_months(whole_months) as date)
                as month_days
        from anchored
    )
),

amounts as (
    select
        *,
        cast(net * 10000 as hugeint) * top as units,
        cast(case
            when net < 0 and not is_credit
                and regexp_matches(lower(coalesce(description, '')), '(discount|descuento|dto\.)') then 0
            when abs(listed) > abs(net) then sign(net) * abs(listed)
            else net
        end * 10000 as hugeint) * top as list_units,
        cast(bottom as hugeint) * 100 as cents
    from ratios
),

-- Unpaid: it stops counting so many days after it was due, and counts again from the day on which it was paid.
settled as (
    select
        *,
        status is distinct from 'uncollectible' and (status = 'paid' or open = 0) as is_paid,
        case
            when is_credit then null
            when status = 'uncollectible' then coalesce(due_on, issued_on) + coalesce(overdue_days, 0)
            else due_on + overdue_days
        end as stop_on,
        -- The end of a service whose renewal may still be invoiced is not known to be one.
        if(
            last_on = max(last_on) over (partition by counterparty)
                and last_on <= today and last_on + renewal_days > today,
            last_on + renewal_days,
            last_on
        ) as served_to
    from amounts
),

pieces as (
    select *, source_id as piece, first_on as piece_from,
        if(is_stopped, greatest(stop_on, first_on), served_to) as piece_to
    from (
        select *, coalesce(
            stop_on < served_to and stop_on <= today and if(is_paid, coalesce(paid_on > stop_on, false), true),
            false
        ) as is_stopped
        from settled
    )
    union all by name
    select *, source_id || ':paid' as piece, greatest(paid_on, first_on) as piece_from, served_to as piece_to
    from settled
    where is_paid and paid_on > stop_on and paid_on < served_to
)

select
    -- Whoever pays and is nobody's client in the CRM pays all the same.
    coalesce(k.entity_id, 'accounting:' || lower(p.counterparty)) as client_id,
    p.piece as source_id,
    timezone(p.zone, cast(p.piece_from as timestamp)) as starts_at,
    timezone(p.zone, cast(p.piece_to as timestamp)) as ends_at,
    cast(
        cast(sign(p.units) * ((2 * abs(p.units) + p.cents) // (2 * p.cents)) as decimal(18, 0)) * 0.01
        as decimal(18, 4)
    ) as monthly_amount,
    cast(
        cast(sign(p.list_units) * ((2 * abs(p.list_units) + p.cents) // (2 * p.cents)) as decimal(18, 0)) * 0.01
        as decimal(18, 4)
    ) as list_monthly_amount,
    coalesce(p.currency, p.home_currency) as currency
from pieces as p
left join core.identity_link as k on k.source = 'accounting' and k.kind = 'company' and k.source_id = p.counterparty
