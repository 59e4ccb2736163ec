-- K4 and K22: figures that need something which is not set up yet; they say so instead of being left out.
-- Grain: kpi, period. Owner: operations. Reads: kpi.span.
select 'K4' as kpi, grain, period, 'all' as segment, 'share' as unit, 'no monitors configured' as reason
from kpi.span
where part = 0
union all
select 'K22', grain, period, 'all', 'share', 'no outside series in the playbook'
from kpi.span
where part = 0
