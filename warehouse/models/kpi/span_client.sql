-- Clients and MRR at both ends of each span. Active at t means start <= t < end.
-- Grain: grain, period, part. Owner: data. Reads: kpi.span, core.subscription, core.client.
with clients as (
    select
        s.grain,
        s.period,
        s.part,
        u.client_id,
        bool_or(u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)) as at_start,
        bool_or(u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)) as at_end,
        min(u.starts_at) >= any_value(s.starts_at) and min(u.starts_at) < any_value(s.ends_at) as is_new,
        coalesce(sum(u.monthly_amount) filter (
            u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)
        ), 0) as mrr_start,
        coalesce(sum(u.monthly_amount) filter (
            u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)
        ), 0) as mrr_end,
        -- A price that is missing or in another currency is not a price of 0.
        count(*) filter (
            u.monthly_amount is null
            and u.starts_at <= s.starts_at and (u.ends_at is null or u.ends_at > s.starts_at)
        ) as unpriced_start,
        count(*) filter (
            u.monthly_amount is null
            and u.starts_at <= s.ends_at and (u.ends_at is null or u.ends_at > s.ends_at)
        ) as unpriced_end
    from kpi.span as s
    inner join core.subscription as u on u.starts_at <= s.ends_at and u.client_id is not null
    group by s.grain, s.period, s.part, u.client_id
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
    count(*) filter (c.is_new) as new_clients,
    count(*) filter (c.is_new and k.source = 'referral') as new_referred,
    cast(coalesce(sum(c.mrr_start), 0) as decimal(18, 4)) as mrr_start,
    cast(coalesce(sum(c.mrr_end), 0) as decimal(18, 4)) as mrr_end,
    cast(coalesce(sum(c.unpriced_start), 0) as bigint) as unpriced_start,
    cast(coalesce(sum(c.unpriced_end), 0) as bigint) as unpriced_end
from kpi.span as s
left join clients as c using (grain, period, part)
left join core.client as k on k.client_id = c.client_id
group by all
