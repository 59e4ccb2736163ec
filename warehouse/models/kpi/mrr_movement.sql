-- What moved MRR in each month, client by client.
-- Grain: period, client_id, kind. Owner: finance. Reads: core.subscription, kpi.span.
with changes as (
    select client_id, starts_at as moved_at, monthly_amount as amount
    from core.subscription
    where monthly_amount is not null and client_id is not null and (ends_at is null or ends_at > starts_at)
    union all
    select client_id, ends_at, -monthly_amount
    from core.subscription
    where monthly_amount is not null and client_id is not null and ends_at > starts_at
),

-- A subscription that is replaced at one instant is one step, not a loss and a gain.
steps as (
    select client_id, moved_at, sum(amount) as step from changes group by client_id, moved_at having sum(amount) <> 0
),

totals as (
    select
        *,
        sum(step) over (partition by client_id order by moved_at) as after_step,
        sum(step) over (partition by client_id order by moved_at) - step as before_step
    from steps
),

kinds as (
    select
        client_id,
        moved_at,
        step,
        case
            when after_step = 0 then 'churn'
            when before_step = 0 and coalesce(max(after_step) over (
                partition by client_id order by moved_at rows between unbounded preceding and 1 preceding
            ), 0) > 0 then 'reactivation'
            when before_step = 0 then 'new'
            when step > 0 then 'expansion'
            else 'contraction'
        end as kind
    from totals
)

select
    s.period,
    k.client_id,
    k.kind,
    cast(sum(k.step) as decimal(18, 4)) as amount
from kpi.span as s
-- Active at t includes what starts at t, so a step at a month's first instant is already in the MRR it starts from.
inner join kinds as k on k.moved_at > s.starts_at and k.moved_at <= s.ends_at
where s.grain = 'month' and s.part = 0
group by all
