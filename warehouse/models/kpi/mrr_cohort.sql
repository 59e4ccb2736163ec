-- What became of the clients that were new in one month: how many still pay at the end of each month after it,
-- and how much.
-- Grain: cohort, period. Owner: finance. Reads: kpi.mrr_movement, kpi.client_mrr, kpi.span.
with months as (
    select period, row_number() over (order by starts_at) as number
    from kpi.span
    where grain = 'month' and part = 0
),

members as (
    select client_id, period as cohort, sum(amount) as won from kpi.mrr_movement where kind = 'new' group by all
),

cohorts as (
    select cohort, count(*) as clients, cast(sum(won) as decimal(18, 4)) as mrr_new from members group by cohort
),

keeps as (
    select
        m.cohort,
        b.period,
        count(*) filter (b.mrr_end > 0) as kept,
        cast(sum(b.mrr_end) as decimal(18, 4)) as mrr,
        cast(sum(least(b.mrr_end, m.won)) as decimal(18, 4)) as mrr_kept
    from members as m
    inner join kpi.client_mrr as b using (client_id)
    group by m.cohort, b.period
),

-- A month in which nobody of them pays any more is a month all the same.
shares as (
    select
        c.cohort,
        m.period,
        cast(m.number - f.number as integer) as age,
        c.clients,
        coalesce(k.kept, 0) as kept,
        coalesce(k.kept, 0) / c.clients as share,
        c.mrr_new,
        coalesce(k.mrr, 0) as mrr,
        coalesce(k.mrr_kept, 0) as mrr_kept
    from cohorts as c
    inner join months as f on f.period = c.cohort
    inner join months as m on m.number >= f.number
    left join keeps as k on k.cohort = c.cohort and k.period = m.period
)

select
    cohort,
    period,
    age,
    clients,
    kept,
    share,
    if(kept = 0, 0, greatest(
        (share + 1.959963984540054 ** 2 / (2 * clients) - 1.959963984540054 * sqrt(
            share * (1 - share) / clients + 1.959963984540054 ** 2 / (4 * cast(clients as double) ** 2)
        )) / (1 + 1.959963984540054 ** 2 / clients),
        0
    )) as low,
    if(kept = clients, 1, least(
        (share + 1.959963984540054 ** 2 / (2 * clients) + 1.959963984540054 * sqrt(
            share * (1 - share) / clients + 1.959963984540054 ** 2 / (4 * cast(clients as double) ** 2)
        )) / (1 + 1.959963984540054 ** 2 / clients),
        1
    )) as high,
    mrr_new,
    mrr,
    mrr_kept,
    cast(mrr_kept as double) / cast(mrr_new as double) as gross_share,
    cast(mrr as double) / cast(mrr_new as double) as net_share
from shares
