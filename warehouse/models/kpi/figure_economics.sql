-- K5, K6, K7, CAC_PAYBACK: what a client costs to win, what one is worth, the ratio of the two, and after how many
-- months of gross margin the cost is earned back.
-- Grain: kpi, period. Owner: finance. Reads: kpi.span_client, kpi.span_book.
--
-- Money is divided in whole ten-thousandths, half-up: DuckDB divides decimals in floating point, which misses ties.
with spans as (
    select
        c.*,
        b.lines,
        cast(b.revenue * 10000 as hugeint) as revenue,
        cast((b.revenue - b.direct) * 10000 as hugeint) as gross,
        cast(b.acquisition * 10000 as hugeint) as acquisition
    from kpi.span_client as c
    inner join kpi.span_book as b using (grain, period, part)
),

periods as (
    select
        grain,
        period,
        any_value(cast(new_clients as hugeint)) filter (part = 0) as new_clients,
        any_value(acquisition) filter (part = 0) as acquisition,
        any_value(lines) filter (part = 0) as lines,
        any_value(cast(mrr_end * 10000 as hugeint)) filter (part = 0) as mrr,
        any_value(cast(active_end as hugeint)) filter (part = 0) as active,
        any_value(unpriced_end) filter (part = 0) as unpriced,
        cast(sum(active_start) as hugeint) as pooled_start,
        cast(sum(churned) as hugeint) as pooled_churned,
        cast(sum(revenue) as hugeint) as pooled_revenue,
        cast(sum(gross) as hugeint) as pooled_gross,
        cast(sum(acquisition) as hugeint) as pooled_acquisition,
        cast(sum(new_clients) as hugeint) as pooled_new
    from spans
    group by grain, period
),

reasons as (
    select
        *,
        case
            when new_clients = 0 then 'no new clients in period'
            -- Costs are simply not booked yet: that is not a cost of nothing.
            when lines = 0 then 'no journal entries in period'
        end as cac_reason,
        case
            -- Churn of a quarter and of the months before it are not of one kind.
            when grain = 'quarter' then 'monthly only'
            when active = 0 then 'no active clients in period'
            when unpriced > 0 then 'subscriptions without a price in home currency: ' || unpriced
            when pooled_revenue <= 0 then 'no revenue in period'
            when pooled_start = 0 then 'no active clients in period'
            when pooled_churned = 0 then 'not estimable'
        end as ltv_reason
    from periods
),

fractions as (
    select
        grain, period, active, new_clients, acquisition, cac_reason, ltv_reason,
        pooled_start, pooled_churned, pooled_acquisition, pooled_new,
        case
            when ltv_reason is not null then ltv_reason
            when pooled_new = 0 then 'no new clients in period'
            when pooled_acquisition <= 0 then 'no acquisition cost in period'
        end as ratio_reason,
        case
            when grain = 'quarter' then 'monthly only'
            when active = 0 then 'no active clients in period'
            when unpriced > 0 then 'subscriptions without a price in home currency: ' || unpriced
            when pooled_revenue <= 0 then 'no revenue in period'
            when pooled_new = 0 then 'no new clients in period'
            when pooled_acquisition <= 0 then 'no acquisition cost in period'
            when mrr * pooled_gross <= 0 then 'no gross margin in period'
        end as payback_reason,
        mrr * pooled_gross as margin_top,
        active * pooled_revenue as margin_bottom,
        mrr * pooled_gross * pooled_start as ltv_top,
        active * pooled_revenue * pooled_churned as ltv_bottom
    from reasons
),

-- round half-up(top / bottom) = sign x ((2 |top| + bottom) // (2 bottom)), for bottom > 0
amounts as (
    select
        *,
        if(cac_reason is null, sign(acquisition) * ((2 * abs(acquisition) + new_clients) // (2 * new_clients)), null)
            as cac,
        if(
            ltv_reason is null,
            sign(margin_top) * ((2 * abs(margin_top) + margin_bottom) // (2 * margin_bottom)),
            null
        ) as margin,
        if(ltv_reason is null, sign(ltv_top) * ((2 * abs(ltv_top) + ltv_bottom) // (2 * ltv_bottom)), null) as ltv,
        if(
            ratio_reason is null,
            sign(pooled_acquisition) * ((2 * abs(pooled_acquisition) + pooled_new) // (2 * pooled_new)),
            null
        ) as pooled_cac
    from fractions
),

-- The worth lies between those at the limits of the churn that it is divided by (Wilson).
limits as (
    select
        grain,
        period,
        churn,
        (churn + z ** 2 / (2 * n) - z * sqrt(churn * (1 - churn) / n + z ** 2 / (4 * n ** 2))) / (1 + z ** 2 / n)
            as churn_low,
        (churn + z ** 2 / (2 * n) + z * sqrt(churn * (1 - churn) / n + z ** 2 / (4 * n ** 2))) / (1 + z ** 2 / n)
            as churn_high
    from (
        select
            grain,
            period,
            cast(pooled_start as double) as n,
            cast(pooled_churned as double) / cast(pooled_start as double) as churn,
            1.959963984540054 as z
        from fractions
        where ltv_reason is null
    )
)

select
    'K5' as kpi, grain, period, 'all' as segment, 'money' as unit,
    cast(cast(cac as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_value,
    cast(cast(acquisition as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_numerator,
    cast(new_clients as double) as denominator,
    cast(new_clients as bigint) as n,
    cac_reason as reason
from amounts
union all by name
select
    'K6' as kpi, grain, period, 'all' as segment, 'money' as unit,
    cast(cast(ltv as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_value,
    cast(cast(margin as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_numerator,
    if(ltv_reason is null, cast(pooled_churned as double) / cast(pooled_start as double), null) as denominator,
    cast(active as bigint) as n,
    -- Nobody left: the worth is at least the one at the upper Wilson limit of 0 in n, which is z2 / (n + z2).
    case
        when ltv_reason = 'not estimable'
            then cast(margin_top as double) / cast(margin_bottom as double) / 10000
                * (cast(pooled_start as double) + 1.959963984540054 ** 2) / 1.959963984540054 ** 2
        when ltv_reason is null
            then least(cast(ltv as double) / 10000 * churn / churn_high, cast(ltv as double) / 10000 * churn / churn_low)
    end as low,
    if(
        ltv_reason is null,
        greatest(cast(ltv as double) / 10000 * churn / churn_high, cast(ltv as double) / 10000 * churn / churn_low),
        null
    ) as high,
    ltv_reason as reason
from amounts
left join limits using (grain, period)
union all by name
select
    'K7' as kpi, grain, period, 'all' as segment, 'ratio' as unit,
    if(
        ratio_reason is null,
        cast(ltv_top as double) / cast(ltv_bottom as double)
        / (cast(pooled_acquisition as double) / cast(pooled_new as double)),
        null
    ) as value,
    if(ratio_reason is null, cast(cast(ltv as decimal(18, 0)) * 0.0001 as decimal(18, 4)), null) as money_numerator,
    cast(cast(pooled_cac as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_denominator,
    cast(active as bigint) as n,
    ratio_reason as reason
from amounts
union all by name
select
    'CAC_PAYBACK' as kpi, grain, period, 'all' as segment, 'ratio' as unit,
    -- margin_top / margin_bottom is what a client leaves a month, in ten-thousandths, as the costs are.
    if(
        payback_reason is null,
        cast(pooled_acquisition as double) / cast(pooled_new as double)
        / (cast(margin_top as double) / cast(margin_bottom as double)),
        null
    ) as value,
    cast(cast(pooled_acquisition as decimal(18, 0)) * 0.0001 as decimal(18, 4)) as money_numerator,
    cast(pooled_new as bigint) as n,
    payback_reason as reason
from amounts
