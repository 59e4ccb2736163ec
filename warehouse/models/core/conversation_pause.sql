-- Stretches in which a conversation was snoozed; the clocks of the SLA stand still. No overlaps.
-- Grain: conversation_id, starts_at. Owner: support. Reads: core.conversation_part.
with parts as (
    select
        conversation_id,
        position,
        part_type,
        created_at,
        -- The next part that wakes it up: parts are looked at in order, for times tie within a second.
        min(
            if(
                part_type in ('open', 'close') or (part_type = 'comment' and author_kind = 'user'),
                {'at': created_at, 'position': position},
                null
            )
        ) over (
            partition by conversation_id
            order by created_at, position
            rows between 1 following and unbounded following
        ) as woken
    from core.conversation_part
)

select conversation_id, min(created_at) as starts_at, woken.at as ends_at
from parts
where part_type = 'snoozed'
-- Snoozed again while asleep is the same pause.
group by conversation_id, woken.at
having woken.at is null or woken.at > min(created_at)
