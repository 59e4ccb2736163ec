-- Minutes of work for each client in each finished month, and what they cost by the practical capacity of who does it.
-- Grain: period, client_id, activity. Owner: finance.
-- Reads: kpi.span, core.conversation, core.deliverable, core.client, core.employee, core.journal_line,
-- staging.accounting_time, playbook.activity, playbook.finance, playbook.payroll_account, build.run.
--
-- Time-driven costing: a minute costs what the capacity costs, divided by the minutes that can be practical work.
-- The cost is the salaries that the ledger books as direct, split over the roles as the playbook pays them, so that
-- all minutes and what is left unused add up to the ledger. A month with time sheets takes these alone.
with months as (
    select period, starts_at, ends_at, timezone(r.zone, starts_at) as first_day, timezone(r.zone, ends_at) as after_day
    from kpi.span
    cross join build.run as r
    where grain = 'month' and part = 0
),

posts as (
    select
        m.period,
        e.role,
        e.monthly_cost,
        e.fte,
        epoch(least(coalesce(e.ends_at, m.ends_at), m.ends_at)) - epoch(greatest(e.starts_at, m.starts_at)) as seconds,
        epoch(m.ends_at) - epoch(m.starts_at) as of_seconds
    from months as m
    inner join core.employee as e
        on e.direct and e.starts_at < m.ends_at and (e.ends_at is null or e.ends_at > m.starts_at)
),

-- In whole ten-thousandths, because DuckDB divides decimals in floating point.
roles as (
    select
        p.period,
        p.role,
        sum(cast(p.monthly_cost * 10000 as hugeint) * cast(p.seconds as hugeint) // cast(p.of_seconds as hugeint)) as cost,
        sum(
            cast(round(p.fte * 100) as hugeint) * cast(f.hours_per_month * 10000 as hugeint)
            * cast(f.practical_share * 10000 as hugeint) * 60 * cast(p.seconds as hugeint)
            // cast(p.of_seconds as hugeint) // 1000000
        ) as minutes
    from posts as p
    cross join playbook.finance as f
    group by p.period, p.role
),

totals as (
    select period, sum(cost) as cost, sum(minutes) as minutes from roles group by period
),

salaries as (
    select m.period, cast(sum(j.debit - j.credit) * 10000 as hugeint) as booked
    from months as m
    inner join core.journal_line as j on j.booked_at >= m.starts_at and j.booked_at < m.ends_at
    inner join playbook.payroll_account as a on a.account = j.account
    cross join build.run as r
    where j.kind = 'direct' and j.currency = r.currency
    group by m.period
),

names as (
    select lower(trim(name)) as name, any_value(client_id) as client_id
    from core.client
    where name is not null
    group by all
    having count(*) = 1
),

sheets as (
    select m.period, n.client_id, sum(cast(t.hours * 10000 as hugeint)) * 60 as minutes
    from staging.accounting_time as t
    inner join months as m on t.worked_on >= m.first_day and t.worked_on < m.after_day
    left join names as n on n.name = lower(trim(t.client))
    where t.hours > 0
    group by all
),

counted as (
    select 'conversation' as counted, level, client_id, created_at as at
    from core.conversation
    where client_id is not null and not coalesce(excluded, false)
    union all
    select 'deliverable', null, client_id, first_delivered_at
    from core.deliverable
    where client_id is not null and not archived
    union all
    select 'onboarding', null, client_id, onboarding_completed_at from core.client
),

activities as (
    select
        m.period,
        c.client_id,
        a.activity,
        a.role,
        count(*) as amount,
        count(*) * cast(any_value(a.minutes) * 10000 as hugeint) as minutes
    from counted as c
    inner join months as m on c.at >= m.starts_at and c.at < m.ends_at
    inner join playbook.activity as a
        on a.counted = c.counted and (a.level is null or a.level = c.level)
    where m.period not in (select period from sheets)
    group by m.period, c.client_id, a.activity, a.role
),

used as (
    select
        a.period, a.client_id, a.activity, a.amount, a.minutes, 'playbook' as basis,
        -- booked x (cost of the role / cost of all) x (minutes / minutes of the role)
        s.booked * r.cost * a.minutes as top,
        t.cost * r.minutes as bottom
    from activities as a
    left join salaries as s using (period)
    left join totals as t using (period)
    left join roles as r on r.period = a.period and r.role = a.role
    union all
    select
        h.period, h.client_id, 'time_sheet', null, h.minutes, 'time_sheet', s.booked * h.minutes, t.minutes
    from sheets as h
    left join salaries as s using (period)
    left join totals as t using (period)
)

select
    period,
    client_id,
    activity,
    basis,
    amount,
    cast(cast(minutes as decimal(38, 0)) * 0.0001 as decimal(18, 4)) as minutes,
    -- Nobody of the role was there, or no salary is booked: then these minutes have no price.
    coalesce(bottom > 0 and top is not null, false) as is_priced,
    if(
        bottom > 0 and top is not null,
        cast(cast((2 * top + bottom) // (2 * bottom) as decimal(18, 0)) * 0.0001 as decimal(18, 4)),
        0
    ) as cost
from used
