-- MRR and K21: monthly recurring revenue and its growth.
-- Grain: kpi, period. Owner: finance. Reads: kpi.span_client.
with periods as (
    select
        *,
        case
            when unpriced_end > 0 then 'subscriptions without a price in home currency: ' || unpriced_end
        end as end_reason,
        case
            when unpriced_start + unpriced_end > 0
                then 'subscriptions without a price in home currency: ' || greatest(unpriced_start, unpriced_end)
            when mrr_start = 0 then 'no MRR in period'
        end as growth_reason
    from kpi.span_client
    where part = 0
)

select
    'MRR' as kpi, grain, period, 'all' as segment, 'money' as unit,
    if(end_reason is null, mrr_end, null) as money_value,
    if(end_reason is null, mrr_end, null) as money_numerator, active_end as n, end_reason as reason
from periods
union all by name
select
    'K21' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(growth_reason is null, cast(mrr_end - mrr_start as double) / cast(mrr_start as double), null) as value,
    cast(mrr_end - mrr_start as decimal(18, 4)) as money_numerator,
    mrr_start as money_denominator,
    active_end as n,
    growth_reason as reason
from periods
