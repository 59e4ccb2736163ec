-- Every figure with its interval, target and status: one row per KPI, period and segment.
-- Grain: kpi, period, segment. Owner: operations. Reads: kpi.figure (all models with `yields: figure`),
-- kpi.span, core.journal_line, playbook.kpi, playbook.kpi_segment, meta.source_status,
-- meta.resource_status, build.run, build.t975.
with names as (
    select id, name_es, name_en, direction, target_low, target_high from playbook.kpi
),

-- What each figure depends on, a source or one resource of it; a part such as K3.p50 without an entry of its
-- own depends on what K3 does.
needs as (
    select id, need, split_part(need, '.', 1) as source, nullif(split_part(need, '.', 2), '') as resource
    from (select id, unnest(needs) as need from playbook.kpi)
),

-- A resource stands for itself where its source tells resources apart. One that came whole in the very read in
-- which another failed is fresh; what a read that failed did not come to is as old as it was.
states as (
    select
        n.id,
        n.need,
        n.source,
        s.state as source_state,
        case
            when n.resource is null or t.source is null then s.state
            when s.state = 'failed' and coalesce(r.good_until < s.finished_at, true) then 'failed'
            else r.state
        end as state,
        if(n.resource is null or t.source is null, s.good_until, r.good_until) as good_until,
        if(r.state = 'not_permitted', n.need || ' is not permitted', null) as forbidden
    from needs as n
    left join meta.source_status as s on s.source = n.source
    left join meta.resource_status as r on r.source = n.source and r.resource = n.resource
    left join (select distinct source from meta.resource_status) as t on t.source = n.source
),

journal_faults as (
    select
        'unknown accounts in the journal: ' || string_agg(distinct account, ', ' order by account) as fault
    from core.journal_line
    where kind is null
    having count(*) > 0
    union all
    select 'no exchange rate for ' || string_agg(distinct j.currency, ', ' order by j.currency)
    from core.journal_line as j
    cross join build.run as r
    where j.currency <> r.currency and j.kind <> 'balance'
    having count(*) > 0
),

faults as (
    select
        *,
        case
            when source_state = 'not_configured' then source || ' is not configured'
            when source_state is null then source || ' was never loaded'
            when state is null or (state <> 'complete' and good_until is null)
                then coalesce(forbidden, need || ' was never loaded')
        end as missing
    from states
),

sources as (
    select
        id,
        string_agg(distinct missing, '; ' order by missing) as missing,
        -- The oldest of what did not come whole: the figure is no newer than that.
        min(good_until) filter (state in ('failed', 'partial', 'not_permitted')) as stale_since,
        min(good_until) as good_until,
        string_agg(distinct forbidden, '; ' order by forbidden) as forbidden,
        bool_or(source = 'accounting') as needs_journal
    from faults
    group by id
),

figures as (
    select
        f.kpi,
        f.grain,
        f.period,
        p.starts_at,
        p.ends_at,
        f.segment,
        f.unit,
        coalesce(f.value, cast(f.money_value as double)) as value,
        coalesce(f.numerator, cast(f.money_numerator as double)) as numerator,
        coalesce(f.denominator, cast(f.money_denominator as double)) as denominator,
        f.money_value,
        f.money_numerator,
        f.money_denominator,
        f.n,
        f.interval_kind,
        f.spread,
        f.low,
        f.high,
        f.reason,
        k.name_es,
        k.name_en,
        -- The playbook says which side of the target counts; a segment may have a target of its own.
        if(k.direction in ('higher', 'range'), coalesce(g.target_low, k.target_low), null) as goal_low,
        if(k.direction in ('lower', 'range'), coalesce(g.target_high, k.target_high), null) as goal_high,
        coalesce(g.target_low, k.target_low) as target_low,
        coalesce(g.target_high, k.target_high) as target_high,
        coalesce(
            s.missing,
            if(s.needs_journal, (select string_agg(fault, '; ' order by fault) from journal_faults), null),
            -- Half a period is no smaller period.
            if(
                s.good_until < p.ends_at,
                concat_ws('; ', s.forbidden, 'data ends before the period does'),
                null
            )
        ) as fault,
        coalesce(s.stale_since, if(s.good_until < p.ends_at, s.good_until, null)) as stale_since,
        s.forbidden
    from kpi.figure as f
    inner join kpi.span as p on p.grain = f.grain and p.period = f.period and p.part = 0
    left join names as k on k.id = f.kpi
    left join sources as s
        on s.id = if(f.kpi in (select id from needs), f.kpi, split_part(f.kpi, '.', 1))
    left join playbook.kpi_segment as g on g.id = f.kpi and g.segment = f.segment
),

intervals as (
    select
        f.* exclude (low, high),
        case
            when f.value is null then f.low
            when f.interval_kind = 'wilson' and f.n > 0 and f.numerator = 0 then 0
            when f.interval_kind = 'wilson' and f.n > 0
                then greatest(
                    (f.value + 1.959963984540054 ** 2 / (2 * f.n) - 1.959963984540054 * sqrt(
                        f.value * (1 - f.value) / f.n + 1.959963984540054 ** 2 / (4 * cast(f.n as double) ** 2)
                    )) / (1 + 1.959963984540054 ** 2 / f.n),
                    0
                )
            when f.interval_kind = 't' and f.n >= 8
                then f.value - coalesce(t.t, 1.959963984540054) * f.spread / sqrt(f.n)
            when f.interval_kind is null then f.low
        end as low,
        case
            when f.value is null then f.high
            when f.interval_kind = 'wilson' and f.n > 0 and f.numerator = f.n then 1
            when f.interval_kind = 'wilson' and f.n > 0
                then least(
                    (f.value + 1.959963984540054 ** 2 / (2 * f.n) + 1.959963984540054 * sqrt(
                        f.value * (1 - f.value) / f.n + 1.959963984540054 ** 2 / (4 * cast(f.n as double) ** 2)
                    )) / (1 + 1.959963984540054 ** 2 / f.n),
                    1
                )
            when f.interval_kind = 't' and f.n >= 8
                then f.value + coalesce(t.t, 1.959963984540054) * f.spread / sqrt(f.n)
            when f.interval_kind is null then f.high
        end as high
    from figures as f
    left join build.t975 as t on f.interval_kind = 't' and t.df = f.n - 1
),

judgements as (
    select
        *,
        goal_low is null and goal_high is null as no_target,
        value >= coalesce(goal_low, value) and value <= coalesce(goal_high, value) as meets,
        coalesce(low, value) >= coalesce(goal_low, coalesce(low, value))
            and coalesce(high, value) <= coalesce(goal_high, coalesce(high, value)) as wholly_meets,
        coalesce(high < goal_low, false) or coalesce(low > goal_high, false) as wholly_misses,
        low is not null or high is not null as has_interval,
        -- Without an interval, less than a tenth beside the target is near.
        coalesce(abs(value - goal_low) < 0.1 * abs(goal_low), false) and value < goal_low
            or coalesce(abs(value - goal_high) < 0.1 * abs(goal_high), false) and value > goal_high as near
    from intervals
)

select
    j.kpi,
    coalesce(j.name_es, j.kpi) as name_es,
    coalesce(j.name_en, j.kpi) as name_en,
    j.grain,
    j.period,
    j.starts_at,
    j.ends_at,
    j.segment,
    j.unit,
    if(
        j.unit = 'money' or j.money_numerator is not null or j.money_denominator is not null,
        r.currency,
        null
    ) as currency,
    if(j.fault is null, j.value, null) as value,
    if(j.fault is null, j.numerator, null) as numerator,
    if(j.fault is null, j.denominator, null) as denominator,
    if(j.fault is null, j.money_value, null) as money_value,
    if(j.fault is null, j.money_numerator, null) as money_numerator,
    if(j.fault is null, j.money_denominator, null) as money_denominator,
    if(j.fault is null, j.n, null) as n,
    if(j.fault is null, j.low, null) as low,
    if(j.fault is null, j.high, null) as high,
    j.target_low,
    j.target_high,
    case
        when j.fault is not null or j.value is null then 'not_evaluated'
        when j.no_target then 'ok'
        when j.has_interval and j.meets and j.wholly_meets then 'ok'
        when j.has_interval and j.wholly_misses then 'off'
        when j.has_interval then 'watch'
        when j.meets then 'ok'
        when j.near then 'watch'
        else 'off'
    end as status,
    case
        when j.fault is not null then j.fault
        when j.value is null then coalesce(j.reason, 'no value in period')
        when j.stale_since is not null
            then concat_ws(
                '; ',
                j.forbidden,
                'data as of ' || strftime(timezone('UTC', j.stale_since), '%Y-%m-%dT%H:%M:%SZ')
            )
        when j.no_target then 'no target'
    end as reason,
    j.stale_since,
    r.as_of,
    r.known_at
from judgements as j
cross join build.run as r
