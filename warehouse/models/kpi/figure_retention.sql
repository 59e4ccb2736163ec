-- GRR, NRR, QUICK_RATIO: how much of the recurring revenue stays, grows and goes in a month.
-- Grain: kpi, period, segment. Owner: finance.
-- Reads: kpi.client_retention, kpi.mrr_movement, kpi.span_client, playbook.revenue, build.t975.
--
-- Each client counts once a month, by what it pays at the end against the start; new ones are left out, and so are
-- exchange rates. Of NRR both variants are given as segments; `all` is the one of the playbook. The interval is that
-- of a ratio of two means over clients (t, from 8 on).
with months as (
    select
        grain,
        period,
        case
            when grain <> 'month' then 'monthly only'
            when unpriced_start + unpriced_end > 0
                then 'subscriptions without a price in home currency: ' || greatest(unpriced_start, unpriced_end)
        end as unpriced
    from kpi.span_client
    where part = 0
),

moves as (
    select
        period,
        coalesce(sum(amount) filter (kind in ('new', 'expansion', 'reactivation')), 0) as gains,
        coalesce(-sum(amount) filter (kind in ('contraction', 'churn')), 0) as losses,
        count(distinct client_id) filter (kind not in ('fx', 'not_rated')) as movers
    from kpi.mrr_movement
    group by period
),

-- Who came back in the month and was not there at its start; whoever left and came back within it was.
returns as (
    select m.period, sum(m.amount) as returned
    from kpi.mrr_movement as m
    anti join kpi.client_retention as c on c.period = m.period and c.client_id = m.client_id
    where m.kind = 'reactivation'
    group by m.period
),

totals as (
    select
        period,
        count(*) as n,
        sum(mrr_start) as started,
        sum(mrr_kept) as kept,
        sum(mrr_end) as ended,
        cast(sum(mrr_kept) as double) / cast(sum(mrr_start) as double) as gross,
        cast(sum(mrr_end) as double) / cast(sum(mrr_start) as double) as net
    from kpi.client_retention
    group by period
),

spreads as (
    select
        c.period,
        sqrt(sum((cast(c.mrr_kept as double) - t.gross * cast(c.mrr_start as double)) ** 2) / (t.n - 1))
            * t.n / cast(t.started as double) as gross_spread,
        sqrt(sum((cast(c.mrr_end as double) - t.net * cast(c.mrr_start as double)) ** 2) / (t.n - 1))
            * t.n / cast(t.started as double) as net_spread
    from kpi.client_retention as c
    inner join totals as t using (period)
    where t.n > 1
    group by c.period, t.n, t.started
),

periods as (
    select
        m.grain,
        m.period,
        coalesce(m.unpriced, if(t.period is null, 'no MRR at start in period', null)) as reason,
        case
            when m.unpriced is not null then m.unpriced
            when coalesce(v.losses, 0) = 0 then 'no losses'
        end as quick_reason,
        coalesce(t.n, 0) as n,
        t.started,
        t.kept,
        t.ended,
        t.ended + coalesce(r.returned, 0) as ended_with_returns,
        if(t.n >= 8, coalesce(x.t, 1.959963984540054) * s.gross_spread / sqrt(t.n), null) as gross_half,
        if(t.n >= 8, coalesce(x.t, 1.959963984540054) * s.net_spread / sqrt(t.n), null) as net_half,
        coalesce(v.gains, 0) as gains,
        coalesce(v.losses, 0) as losses,
        coalesce(v.movers, 0) as movers
    from months as m
    left join totals as t using (period)
    left join spreads as s using (period)
    left join returns as r using (period)
    left join moves as v using (period)
    left join build.t975 as x on x.df = t.n - 1
),

variants as (
    select segment, with_returns
    from (values ('without_reactivation', false), ('with_reactivation', true)) as v (segment, with_returns)
    union all
    select 'all', reactivation_in_nrr from playbook.revenue
),

nets as (
    select p.*, v.segment, if(v.with_returns, p.ended_with_returns, p.ended) as top
    from periods as p
    cross join variants as v
)

select
    'GRR' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(reason is null, cast(kept as double) / cast(started as double), null) as value,
    cast(kept as decimal(18, 4)) as money_numerator,
    cast(started as decimal(18, 4)) as money_denominator,
    n,
    if(reason is null and gross_half is not null, greatest(cast(kept as double) / cast(started as double) - gross_half, 0), null)
        as low,
    if(reason is null and gross_half is not null, least(cast(kept as double) / cast(started as double) + gross_half, 1), null)
        as high,
    reason
from periods
union all by name
select
    'NRR' as kpi, grain, period, segment, 'share' as unit,
    if(reason is null, cast(top as double) / cast(started as double), null) as value,
    cast(top as decimal(18, 4)) as money_numerator,
    cast(started as decimal(18, 4)) as money_denominator,
    n,
    if(reason is null, cast(top as double) / cast(started as double) - net_half, null) as low,
    if(reason is null, cast(top as double) / cast(started as double) + net_half, null) as high,
    reason
from nets
union all by name
select
    'QUICK_RATIO' as kpi, grain, period, 'all' as segment, 'ratio' as unit,
    if(quick_reason is null, cast(gains as double) / cast(losses as double), null) as value,
    cast(gains as decimal(18, 4)) as money_numerator,
    cast(losses as decimal(18, 4)) as money_denominator,
    movers as n,
    quick_reason as reason
from periods
