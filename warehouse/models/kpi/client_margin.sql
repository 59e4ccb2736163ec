-- What each client leaves in each finished month, as a range.
-- Grain: period, client_id. Owner: finance. Reads: kpi.span, kpi.cost_to_serve, core.journal_line,
-- core.identity_link, core.client, kpi.client_mrr, playbook.finance, build.run.
--
-- Who is billed by the quarter or the year is booked in one month and served in all: of what was booked and what the
-- client pays a month (the mean of both ends), the low margin takes the less and the high one the more.
-- The range is what is not measured: the playbook's minutes may be off by `minutes_spread` both ways (time sheets
-- are not), and of the shared direct costs a client bears nothing in the high margin and, in the low one, its part
-- by revenue. Unused capacity is in neither: it is nobody's.
with revenues as (
    select s.period, k.client_id, sum(j.credit - j.debit) as revenue
    from kpi.span as s
    inner join core.journal_line as j on j.booked_at >= s.starts_at and j.booked_at < s.ends_at
    cross join build.run as r
    inner join core.identity_link as l
        on l.source = 'accounting' and l.kind = 'company' and l.source_id = j.name
    inner join core.client as k on k.client_id = l.entity_id
    where s.grain = 'month' and s.part = 0 and j.kind = 'revenue' and j.currency = r.currency
    group by all
),

costs as (
    select
        period,
        client_id,
        coalesce(sum(amount) filter (component = 'direct'), 0) as direct,
        coalesce(sum(amount) filter (component = 'time'), 0) as time,
        coalesce(sum(amount) filter (component = 'time' and basis = 'playbook'), 0) as unmeasured
    from kpi.cost_to_serve
    where client_id is not null
    group by period, client_id
),

shares as (
    select period, sum(amount) as shared from kpi.cost_to_serve where component = 'shared' group by period
),

positive as (
    select period, sum(revenue) filter (revenue > 0) as revenue from revenues group by period
),

recurring as (
    select period, client_id, cast((mrr_start + mrr_end) * 0.5 as decimal(18, 4)) as monthly from kpi.client_mrr
),

clients as (
    select
        coalesce(v.period, c.period) as period,
        coalesce(v.client_id, c.client_id) as client_id,
        coalesce(v.revenue, 0) as revenue,
        coalesce(c.direct, 0) as direct,
        coalesce(c.time, 0) as time,
        coalesce(c.unmeasured, 0) as unmeasured
    from revenues as v
    full join costs as c on c.period = v.period and c.client_id = v.client_id
),

ranges as (
    select
        c.*,
        coalesce(m.monthly, c.revenue) as monthly,
        cast(round(c.unmeasured * f.minutes_spread, 4) as decimal(18, 4)) as spread,
        if(
            c.revenue > 0 and p.revenue > 0,
            cast(
                cast(
                    cast(greatest(coalesce(s.shared, 0), 0) * 10000 as hugeint) * cast(c.revenue * 10000 as hugeint)
                    // cast(p.revenue * 10000 as hugeint) as decimal(18, 0)
                ) * 0.0001 as decimal(18, 4)
            ),
            0
        ) as shared_part
    from clients as c
    cross join playbook.finance as f
    left join recurring as m using (period, client_id)
    left join shares as s using (period)
    left join positive as p using (period)
)

select
    period,
    client_id,
    cast(revenue as decimal(18, 4)) as revenue,
    cast(direct as decimal(18, 4)) as direct,
    cast(time as decimal(18, 4)) as time,
    shared_part,
    cast(least(revenue, monthly) - direct - time - spread - shared_part as decimal(18, 4)) as margin_low,
    cast(greatest(revenue, monthly) - direct - time + spread as decimal(18, 4)) as margin_high
from ranges
