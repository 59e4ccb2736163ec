-- The direct costs of each finished month, each to the client it is for; what is for nobody stands apart, never spread.
-- Grain: period, client_id, component. Owner: finance.
-- Reads: kpi.span, kpi.service_time, core.journal_line, core.identity_link, core.client, playbook.payroll_account,
-- build.run.
--
-- direct = booked under the client's name; time = its minutes of work at the capacity's price; unused = salaries
-- that no minute of work uses (below nothing: more minutes than the capacity has); shared = other direct costs that
-- name no client.
with lines as (
    select
        s.period,
        k.client_id,
        p.account is not null as is_salary,
        sum(j.debit - j.credit) as amount
    from kpi.span as s
    inner join core.journal_line as j on j.booked_at >= s.starts_at and j.booked_at < s.ends_at
    cross join build.run as r
    left join playbook.payroll_account as p on p.account = j.account
    left join core.identity_link as l
        on l.source = 'accounting' and l.kind = 'company' and l.source_id = j.name
    left join core.client as k on k.client_id = l.entity_id
    where s.grain = 'month' and s.part = 0 and j.kind = 'direct' and j.currency = r.currency
    group by all
),

times as (
    select period, client_id, sum(cost) as amount, sum(minutes) as minutes,
        min(basis) as basis
    from kpi.service_time
    group by period, client_id
),

unused as (
    select l.period, sum(l.amount) - coalesce(any_value(t.amount), 0) as amount
    from lines as l
    left join (select period, sum(amount) as amount from times group by period) as t using (period)
    where l.is_salary
    group by l.period
)

select
    period,
    client_id,
    if(client_id is null, 'shared', 'direct') as component,
    cast(sum(amount) as decimal(18, 4)) as amount,
    cast(null as decimal(18, 4)) as minutes,
    'ledger' as basis
from lines
where not is_salary
group by period, client_id
union all
select period, client_id, 'time', cast(amount as decimal(18, 4)), cast(minutes as decimal(18, 4)), basis
from times
union all
select period, null, 'unused', cast(amount as decimal(18, 4)), null, 'ledger' from unused
