-- Recurring revenue in home currency: each span, cut where a month's exchange rate changes.
-- Grain: source_id, starts_at. Owner: finance. Reads: core.revenue_span, kpi.month_rate, playbook.revenue, build.run.
with spans as (
    select
        s.client_id,
        s.source_id,
        s.starts_at,
        s.ends_at,
        if(p.discounts = 'list', s.list_monthly_amount, s.monthly_amount) as amount,
        s.currency,
        s.currency is distinct from r.currency as is_foreign,
        s.policy
    from core.revenue_span as s
    cross join playbook.revenue as p
    cross join build.run as r
    where s.client_id is not null and s.starts_at is not null and (s.ends_at is null or s.ends_at > s.starts_at)
),

months as (
    select
        *,
        lead(starts_at) over (partition by currency order by starts_at) as next_at,
        row_number() over (partition by currency order by starts_at) = 1 as is_first
    from kpi.month_rate
),

pieces as (
    select
        s.* exclude (starts_at, ends_at),
        -- What began before the first month is valued at the first month's rate.
        if(m.is_first, s.starts_at, greatest(s.starts_at, m.starts_at)) as starts_at,
        least(s.ends_at, m.next_at) as ends_at,
        m.is_first or s.starts_at >= m.starts_at as is_start,
        m.next_at is null or s.ends_at <= m.next_at as is_end,
        cast(s.amount * 10000 as hugeint) * cast(m.home_per_euro * 100000000 as hugeint) as units,
        cast(m.foreign_per_euro * 100000000 as hugeint) as per_euro
    from spans as s
    inner join months as m
        on m.currency = s.currency
        and (m.next_at is null or s.starts_at < m.next_at)
        and (m.is_first or s.ends_at is null or s.ends_at > m.starts_at)
    where s.is_foreign
),

amounts as (
    select
        *,
        cast(
            cast(sign(units) * ((2 * abs(units) + per_euro) // (2 * per_euro)) as decimal(18, 0)) * 0.0001
            as decimal(18, 4)
        ) as home_amount
    from pieces
)

select
    client_id,
    source_id,
    starts_at,
    ends_at,
    -- Before there is a month to rate it, a foreign price has no worth at home.
    if(is_foreign, null, amount) as amount,
    cast(null as decimal(18, 4)) as amount_before,
    true as is_start,
    true as is_end,
    policy
from spans
where not is_foreign or not exists (select 1 from kpi.month_rate)
union all
select
    client_id,
    source_id,
    starts_at,
    ends_at,
    home_amount,
    lag(home_amount) over (partition by source_id order by starts_at),
    is_start,
    is_end,
    policy
from amounts
