-- Conversations with their client, level reached, resolution and rating.
-- Grain: conversation_id. Owner: support. Reads: staging.intercom_conversation, intercom_deleted_conversation,
-- core.conversation_part, core.conversation_level, core.identity_link, core.person, core.merged_person.
with deletions as (
    -- Intercom lists what was deleted; what it does not list either, but has no more, is deleted all the same.
    select
        c.conversation_id,
        coalesce(d.deleted_at, c.gone_at) as deleted_at,
        coalesce(d.metrics_retained, false) as metrics_retained
    from staging.intercom_conversation as c
    left join staging.intercom_deleted_conversation as d using (conversation_id)
    where d.conversation_id is not null or c.gone_at is not null
),

closings as (
    select conversation_id, max(created_at) as closed_at, count(*) as closings
    from core.conversation_part
    where part_type = 'close'
    group by conversation_id
),

people as (
    select
        c.conversation_id,
        -- The id that the conversation itself carries outlives a contact that was deleted in Intercom.
        coalesce(l.entity_id, m.merged_into, p.person_id) as person_id
    from staging.intercom_conversation as c
    left join core.identity_link as l
        on l.source = 'intercom' and l.kind = 'person' and l.source_id = c.contact_id
    left join core.person as p on p.person_id = c.external_id
    left join core.merged_person as m on m.person_id = c.external_id
)

select
    c.conversation_id,
    w.person_id,
    p.client_id,
    l.level,
    c.created_at,
    if(c.state = 'closed', k.closed_at, null) as resolved_at,
    c.state,
    d.deleted_at,
    -- Whoever deletes a conversation says whether its figures are kept.
    d.conversation_id is not null and not d.metrics_retained as is_forgotten,
    list_has_any(c.tags, ['spam', 'merged']) or (d.conversation_id is not null and not d.metrics_retained)
        as excluded,
    c.rating,
    c.rated_at,
    c.remark,
    c.subject,
    c.tags,
    c.admin_id,
    c.team_id,
    coalesce(k.closings, 0) as closings,
    c.updated_at
from staging.intercom_conversation as c
left join people as w using (conversation_id)
left join core.person as p on p.person_id = w.person_id
left join core.conversation_level as l on l.conversation_id = c.conversation_id and l.is_highest
left join closings as k on k.conversation_id = c.conversation_id
left join deletions as d on d.conversation_id = c.conversation_id
