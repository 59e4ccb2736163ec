-- What each client that paid at the start of a month pays at its end, without what exchange rates did.
-- Grain: period, client_id. Owner: finance. Reads: kpi.client_mrr, kpi.mrr_movement.
with moves as (
    select period, client_id, sum(amount) as change
    from kpi.mrr_movement
    where kind not in ('fx', 'not_rated')
    group by all
)

select
    b.period,
    b.client_id,
    b.mrr_start,
    cast(b.mrr_start + coalesce(m.change, 0) as decimal(18, 4)) as mrr_end,
    cast(greatest(least(b.mrr_start + coalesce(m.change, 0), b.mrr_start), 0) as decimal(18, 4)) as mrr_kept
from kpi.client_mrr as b
left join moves as m using (period, client_id)
where b.mrr_start > 0
