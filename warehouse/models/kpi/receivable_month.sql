-- Days sales outstanding: what customers owed at a month's end, in days of what was invoiced in the three months to it.
-- Grain: period, currency. Owner: finance. Reads: kpi.span, core.receivable_line.
with months as (
    select period, starts_at, ends_at, cast(timezone(r.zone, ends_at) as date) as until
    from kpi.span
    cross join build.run as r
    where grain = 'month' and part = 0
),

sums as (
    select
        m.period,
        m.until,
        l.currency,
        sum(l.debit - l.credit) as owed,
        sum(l.debit) filter (l.is_claim and l.booked_on >= m.until - interval 3 month) as billed,
        min(l.booked_on) as first_on
    from months as m
    inner join core.receivable_line as l on l.booked_on < m.until
    group by all
)

select
    period,
    currency,
    cast(owed as decimal(18, 4)) as owed,
    cast(coalesce(billed, 0) as decimal(18, 4)) as billed,
    -- Less than three months of invoices are no measure.
    if(
        billed > 0 and first_on <= until - interval 3 month,
        cast(owed as double) / cast(billed as double) * (until - cast(until - interval 3 month as date)),
        null
    ) as days
from sums
