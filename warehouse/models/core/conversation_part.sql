-- Parts of conversations, with the kind of author and the support level that an assignment leads to.
-- Grain: conversation_id, position. Owner: support. Reads: staging.intercom_part, intercom_team, playbook.sla.
select
    p.conversation_id,
    p.position,
    p.part_id,
    p.part_type,
    p.created_at,
    case
        when p.author_type in ('user', 'lead', 'contact') then 'user'
        else p.author_type
    end as author_kind,
    p.author_id,
    if(p.part_type = 'assignment', l.level, null) as to_level,
    p.body
from staging.intercom_part as p
left join staging.intercom_team as t
    on p.assigned_to_type = 'team' and t.team_id = p.assigned_to_id
left join playbook.sla as l on l.team = t.name
