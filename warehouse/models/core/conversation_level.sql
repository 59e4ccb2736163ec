-- The support levels that each conversation reached, when, and when each was answered.
-- Grain: conversation_id, level. Owner: support.
-- Reads: staging.intercom_conversation, core.conversation_part, playbook.sla.
with levels as (
    select level, row_number() over (order by level) as height from playbook.sla
),

assignments as (
    select
        p.conversation_id,
        p.created_at,
        l.level,
        l.height,
        max(l.height) over (
            partition by p.conversation_id
            order by p.created_at, p.position
            rows between unbounded preceding and 1 preceding
        ) as reached
    from core.conversation_part as p
    inner join levels as l on l.level = p.to_level
),

starts as (
    -- Everything begins at the lowest level; only a step up is an escalation, and the first one counts.
    select conversation_id, level, height, c.created_at as started_at
    from staging.intercom_conversation as c
    inner join levels as l on l.height = 1
    union all
    select conversation_id, level, height, min(created_at)
    from assignments
    where height > greatest(coalesce(reached, 1), 1)
    group by all
),

answers as (
    select
        s.conversation_id,
        s.level,
        -- Any level's answer after the start answers it, so a higher level's does too.
        min(p.created_at) as answered_at
    from starts as s
    inner join core.conversation_part as p on p.conversation_id = s.conversation_id and p.created_at >= s.started_at
    where p.part_type = 'comment' and (p.author_kind = 'admin' or (s.height = 1 and p.author_kind = 'bot'))
    group by all
)

select
    s.conversation_id,
    s.level,
    s.started_at,
    a.answered_at,
    s.height = max(s.height) over (partition by s.conversation_id) as is_highest
from starts as s
left join answers as a using (conversation_id, level)
