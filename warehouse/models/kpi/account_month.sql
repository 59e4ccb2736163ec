-- Revenue and costs of each finished month by account, in home currency; what the playbook does not class is `unclassified`.
-- Grain: period, account. Owner: finance. Reads: kpi.span, core.journal_line, build.run.
select
    s.period,
    s.starts_at,
    j.account,
    coalesce(j.kind, 'unclassified') as kind,
    j.acquisition,
    count(*) as lines,
    cast(sum(j.debit) as decimal(18, 4)) as debit,
    cast(sum(j.credit) as decimal(18, 4)) as credit
from kpi.span as s
inner join core.journal_line as j on j.booked_at >= s.starts_at and j.booked_at < s.ends_at
cross join build.run as r
where s.grain = 'month' and s.part = 0 and j.currency = r.currency
group by all
