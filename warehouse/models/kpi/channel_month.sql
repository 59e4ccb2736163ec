-- New clients of each finished month by where they came from.
-- Grain: period, source. Owner: marketing. Reads: kpi.span, core.client.
select
    s.period,
    s.starts_at,
    coalesce(c.source, 'unknown') as source,
    count(*) as new_clients
from kpi.span as s
inner join core.client as c on c.started_at >= s.starts_at and c.started_at < s.ends_at
where s.grain = 'month' and s.part = 0
group by all
