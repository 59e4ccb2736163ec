-- What people did with a campaign: opens, clicks, bounces.
-- Grain: campaign_id, email_id, position. Owner: marketing. Reads: staging.mailchimp_email_activity,
-- mailchimp_member, core.identity_link.
with members as (
    select m.member_id, any_value(l.entity_id) as person_id
    from staging.mailchimp_member as m
    inner join core.identity_link as l
        on l.source = 'mailchimp' and l.kind = 'person' and l.source_id = m.member_key
    group by m.member_id
)

select
    a.campaign_id,
    a.email_id,
    a.position,
    m.person_id,
    a.action,
    a.kind,
    a.occurred_at,
    a.url
from staging.mailchimp_email_activity as a
left join members as m on m.member_id = a.email_id
where a.action is not null
