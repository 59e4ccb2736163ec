-- What moved MRR in each month, client by client.
-- Grain: period, client_id, kind. Owner: finance. Reads: kpi.mrr_span, kpi.span.
--
-- At one instant, what clients do comes first, at the rate of the month that closes; then the rate changes (fx).
-- A currency whose rate is missing takes its revenue out, and brings it back, as not_rated: that is no fx.
with changes as (
    select client_id, starts_at as moved_at, 0 as turn, amount as step from kpi.mrr_span where is_start
    union all
    select client_id, ends_at, 0, -amount from kpi.mrr_span where is_end and ends_at is not null
    union all
    select
        client_id,
        starts_at,
        if(amount is null or amount_before is null, 2, 1),
        coalesce(amount, 0) - coalesce(amount_before, 0)
    from kpi.mrr_span
    where not is_start
),

-- A subscription that is replaced at one instant is one step, not a loss and a gain.
steps as (
    select client_id, moved_at, turn, sum(step) as step
    from changes
    where step <> 0
    group by client_id, moved_at, turn
    having sum(step) <> 0
),

totals as (
    select
        *,
        sum(step) over (partition by client_id order by moved_at, turn) as after_step
    from steps
),

kinds as (
    select
        client_id,
        moved_at,
        step,
        case
            when turn = 1 then 'fx'
            when turn = 2 then 'not_rated'
            when after_step <= 0 and after_step - step > 0 then 'churn'
            when after_step > 0 and after_step - step <= 0 and coalesce(max(after_step) over (
                partition by client_id order by moved_at, turn rows between unbounded preceding and 1 preceding
            ), 0) > 0 then 'reactivation'
            when after_step > 0 and after_step - step <= 0 then 'new'
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
from kinds as k
-- Active at t includes what starts at t, so a step at a month's first instant is already in the MRR it starts from.
asof inner join (select * from kpi.span where grain = 'month' and part = 0) as s on k.moved_at <= s.ends_at
where k.moved_at > s.starts_at
group by all
