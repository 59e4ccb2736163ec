-- Clients of today who need somebody, and why. The words for people are in the playbook; `detail` has the facts.
-- Grain: client_id, reason_code. Owner: customer success.
-- Reads: core.client, core.conversation, core.deliverable, core.survey_response, kpi.sla_clock, playbook.kpi,
-- build.run.
with clients as (
    select
        c.client_id,
        c.name,
        c.started_at,
        c.onboarding_completed_at,
        c.missing_items,
        c.notice_ends_at,
        c.mrr,
        r.as_of
    from core.client as c
    cross join build.run as r
    where c.is_active
),

-- Late means later than the owner's target, so that the list and the figures agree.
limits as (
    select
        coalesce(max(target_high) filter (id = 'K2'), 48) as onboarding_hours,
        coalesce(max(target_high) filter (id = 'K18'), 24) as delivery_hours
    from playbook.kpi
),

misses as (
    select
        c.client_id,
        if(count(*) >= 3 or bool_or(k.clock = 'resolution'), 'high', 'medium') as severity,
        'sla_miss' as reason_code,
        json_object(
            'misses', count(*),
            'conversations', count(distinct k.conversation_id),
            'first_answer', count(*) filter (k.clock = 'first_answer'),
            'resolution', count(*) filter (k.clock = 'resolution'),
            'last_at', strftime(max(k.decided_at), '%Y-%m-%dT%H:%M:%SZ')
        ) as detail,
        min(k.decided_at) as since
    from clients as c
    inner join kpi.sla_clock as k on k.client_id = c.client_id
    where not k.hit and k.decided_at > c.as_of - interval 7 day and k.decided_at <= c.as_of
    group by c.client_id
),

ratings as (
    select
        c.client_id,
        if(min(v.rating) = 1, 'high', 'medium') as severity,
        'low_rating' as reason_code,
        json_object(
            'ratings', count(*),
            'lowest', min(v.rating),
            'conversation_id', arg_max(v.conversation_id, v.rated_at)
        ) as detail,
        min(v.rated_at) as since
    from clients as c
    inner join core.conversation as v on v.client_id = c.client_id
    where
        v.rating <= 2 and v.rated_at > c.as_of - interval 14 day and v.rated_at <= c.as_of
        and not v.is_forgotten
    group by c.client_id
),

onboardings as (
    select
        c.client_id,
        -- What has been open for months is a matter of tidying up; this week's stuck clients come first.
        if(c.as_of - c.started_at between interval 7 day and interval 60 day, 'high', 'medium') as severity,
        'onboarding_stuck' as reason_code,
        json_object(
            'hours', (epoch_us(c.as_of) - epoch_us(c.started_at)) // 3600000000,
            'missing_items', c.missing_items
        ) as detail,
        c.started_at + to_hours(cast(l.onboarding_hours as bigint)) as since
    from clients as c
    cross join limits as l
    where
        c.onboarding_completed_at is null
        and len(c.missing_items) > 0
        and c.started_at + to_hours(cast(l.onboarding_hours as bigint)) <= c.as_of
),

deliverables as (
    select
        c.client_id,
        if(
            bool_or(
                d.requested_at + to_hours(3 * cast(l.delivery_hours as bigint)) <= c.as_of
                and d.requested_at > c.as_of - interval 60 day
            ),
            'high',
            'medium'
        ) as severity,
        'deliverable_overdue' as reason_code,
        json_object(
            'deliverables', count(*),
            'hours', (epoch_us(any_value(c.as_of)) - epoch_us(min(d.requested_at))) // 3600000000,
            'subject', arg_min(d.subject, d.requested_at)
        ) as detail,
        min(d.requested_at) + to_hours(cast(any_value(l.delivery_hours) as bigint)) as since
    from clients as c
    inner join core.deliverable as d on d.client_id = c.client_id
    cross join limits as l
    where
        d.first_delivered_at is null
        and not d.archived
        and not d.is_closed
        and d.requested_at + to_hours(cast(l.delivery_hours as bigint)) <= c.as_of
    group by c.client_id
),

notices as (
    select
        client_id,
        'high' as severity,
        'churn_notice' as reason_code,
        json_object(
            'ends_at', strftime(notice_ends_at, '%Y-%m-%dT%H:%M:%SZ'),
            'days', (epoch_us(notice_ends_at) - epoch_us(as_of)) // 86400000000,
            'mrr', cast(mrr as varchar)
        ) as detail,
        as_of as since
    from clients
    where notice_ends_at is not null
),

surveys as (
    select
        c.client_id,
        if(s.nps <= 3 or s.csat <= 2, 'high', 'medium') as severity,
        'unhappy_survey' as reason_code,
        json_object('nps', s.nps, 'csat', s.csat) as detail,
        s.answered_at as since
    from clients as c
    inner join core.survey_response as s on s.client_id = c.client_id
    where (s.nps <= 6 or s.csat <= 2) and s.answered_at > c.as_of - interval 30 day and s.answered_at <= c.as_of
),

reasons as (
    select * from misses
    union all
    select * from ratings
    union all
    select * from onboardings
    union all
    select * from deliverables
    union all
    select * from notices
    union all
    select * from surveys
)

select
    r.client_id,
    c.name,
    r.severity,
    r.reason_code,
    r.detail,
    r.since
from reasons as r
inner join clients as c using (client_id)
