-- Revenue and costs booked in each span, in home currency.
-- Grain: grain, period, part. Owner: finance. Reads: kpi.span, core.journal_line, build.run.
with lines as (
    select j.booked_at, j.kind, j.acquisition, j.credit - j.debit as amount
    from core.journal_line as j
    cross join build.run as r
    where j.currency = r.currency and j.kind <> 'balance'
)

select
    s.grain,
    s.period,
    s.part,
    count(l.booked_at) as lines,
    cast(coalesce(sum(l.amount) filter (l.kind = 'revenue'), 0) as decimal(18, 4)) as revenue,
    cast(coalesce(-sum(l.amount) filter (l.kind = 'direct'), 0) as decimal(18, 4)) as direct,
    cast(coalesce(-sum(l.amount) filter (l.kind = 'operating'), 0) as decimal(18, 4)) as operating,
    cast(coalesce(-sum(l.amount) filter (l.kind = 'financial'), 0) as decimal(18, 4)) as financial,
    cast(coalesce(-sum(l.amount) filter (l.kind = 'tax_on_profit'), 0) as decimal(18, 4)) as tax_on_profit,
    cast(coalesce(-sum(l.amount) filter (l.acquisition), 0) as decimal(18, 4)) as acquisition
from kpi.span as s
left join lines as l on l.booked_at >= s.starts_at and l.booked_at < s.ends_at
group by all
