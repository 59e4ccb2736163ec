-- Invoices not paid yet: how late, and when the customer's own habit lets one expect the money.
-- Grain: invoice_id. Owner: finance. Reads: core.invoice, build.run.
--
-- The habit is what invoices that took longer than this one has taken so far took in the end: the customer's
-- own where there are three such, else everybody's where there are five, else nothing can be said.
with today as (
    select cast(timezone(zone, as_of) as date) as day from build.run
),

-- Paid by card or transfer, in whole days from issue to payment.
paid as (
    select customer, currency, paid_on - issued_on as days
    from core.invoice
    where status = 'paid' and paid_on >= issued_on and total > 0
),

waiting as (
    select i.*, t.day as today, t.day - i.issued_on as age
    from core.invoice as i
    cross join today as t
    where i.status in ('open', 'partial', 'uncollectible') and i.open > 0 and i.issued_on <= t.day
),

own as (
    select
        w.invoice_id,
        count(*) as seen,
        quantile_disc(p.days, 0.5) as middle,
        quantile_disc(p.days, 0.9) as late
    from waiting as w
    inner join paid as p on p.customer = w.customer and p.days > w.age
    group by w.invoice_id
),

ages as (
    select distinct age from waiting
),

counts as (
    select days, count(*) as seen from paid group by days
),

everybody as (
    select
        a.age,
        c.days,
        sum(c.seen) over (partition by a.age order by c.days) as upto,
        sum(c.seen) over (partition by a.age) as seen
    from ages as a
    inner join counts as c on c.days > a.age
),

pooled as (
    select
        age,
        any_value(seen) as seen,
        min(days) filter (2 * upto >= seen) as middle,
        min(days) filter (10 * upto >= 9 * seen) as late
    from everybody
    group by age
)

select
    w.invoice_id,
    w.number,
    w.client_id,
    w.customer,
    w.issued_on,
    w.due_on,
    w.due_from,
    w.currency,
    w.total,
    w.paid,
    w.open,
    w.status,
    greatest(0, w.today - w.due_on) as days_late,
    case
        when w.today <= w.due_on then 'not_due'
        when w.today - w.due_on <= 30 then '1-30'
        when w.today - w.due_on <= 60 then '31-60'
        when w.today - w.due_on <= 90 then '61-90'
        else 'over_90'
    end as bucket,
    case
        when w.status = 'uncollectible' then 'none'
        when o.seen >= 3 then 'own'
        when p.seen >= 5 then 'all'
        else 'none'
    end as basis,
    w.issued_on + cast(
        case
            when w.status = 'uncollectible' then null
            when o.seen >= 3 then o.middle
            when p.seen >= 5 then p.middle
        end as integer
    ) as expected_on,
    w.issued_on + cast(
        case
            when w.status = 'uncollectible' then null
            when o.seen >= 3 then o.late
            when p.seen >= 5 then p.late
        end as integer
    ) as late_on
from waiting as w
left join own as o using (invoice_id)
left join pooled as p on p.age = w.age
