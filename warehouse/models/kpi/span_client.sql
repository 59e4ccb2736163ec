-- Clients and MRR at both ends of each span. Active at t means start <= t < end.
-- Grain: grain, period, part. Owner: data. Reads: kpi.span, kpi.mrr_span, core.client.
--
-- By invoices, a client is active while what it pays is above 0: a credit note may take a whole service back.
with clients as (
    select
        s.grain,
        s.period,
        s.part,
        u.client_id,
        bool_or(u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)) as in_start,
        bool_or(u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)) as in_end,
        min(u.starts_at) filter (coalesce(u.amount, 0) >= 0) as first_at,
        coalesce(sum(u.amount) filter (
            u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)
        ), 0) as mrr_start,
        coalesce(sum(u.amount) filter (
            u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)
        ), 0) as mrr_end,
        -- A price that is missing or in another currency is not a price of 0.
        count(*) filter (
            u.amount is null
            and u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)
        ) as unpriced_start,
        count(*) filter (
            u.amount is null
            and u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)
        ) as unpriced_end,
        any_value(u.policy) = 'invoices' as must_pay
    from kpi.span as s
    inner join kpi.mrr_span as u on u.starts_at <= s.ends_at
    group by s.grain, s.period, s.part, u.client_id
),

actives as (
    select
        *,
        in_start and (not must_pay or mrr_start > 0 or unpriced_start > 0) as at_start,
        in_end and (not must_pay or mrr_end > 0 or unpriced_end > 0) as at_end
    from clients
)

select
    s.grain,
    s.period,
    s.part,
    s.starts_at,
    s.ends_at,
    count(*) filter (c.at_start) as active_start,
    count(*) filter (c.at_end) as active_end,
    count(*) filter (c.at_start and not c.at_end) as churned,
    count(*) filter (c.first_at >= s.starts_at and c.first_at < s.ends_at) as new_clients,
    count(*) filter (c.first_at >= s.starts_at and c.first_at < s.ends_at and k.source = 'referral')
        as new_referred,
    cast(coalesce(sum(c.mrr_start), 0) as decimal(18, 4)) as mrr_start,
    cast(coalesce(sum(c.mrr_end), 0) as decimal(18, 4)) as mrr_end,
    cast(coalesce(sum(c.unpriced_start), 0) as bigint) as unpriced_start,
    cast(coalesce(sum(c.unpriced_end), 0) as bigint) as unpriced_end
from kpi.span as s
left join actives as c using (grain, period, part)
left join core.client as k on k.client_id = c.client_id
group by all
