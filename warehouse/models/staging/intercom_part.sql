-- Parts of Intercom conversations, in the order in which Intercom gives them.
-- Grain: conversation_id, position. Owner: support. Reads: raw.intercom_conversations_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"id": "VARCHAR",
              "conversation_parts": {"conversation_parts": [
                  {"id": "VARCHAR", "part_type": "VARCHAR", "body": "VARCHAR", "created_at": "VARCHAR",
                   "author": {"type": "VARCHAR", "id": "VARCHAR"},
                   "assigned_to": {"type": "VARCHAR", "id": "VARCHAR"}}]}}'
        ) as r
    from raw.intercom_conversations_current
),

parts as (
    select
        coalesce(nullif(r.id, ''), key) as conversation_id,
        received_at,
        unnest(r.conversation_parts.conversation_parts) as p,
        generate_subscripts(r.conversation_parts.conversation_parts, 1) as position
    from records
)

select
    conversation_id,
    position,
    nullif(p.id, '') as part_id,
    nullif(p.part_type, '') as part_type,
    to_timestamp(try_cast(p.created_at as bigint)) as created_at,
    nullif(p.author.type, '') as author_type,
    nullif(p.author.id, '') as author_id,
    nullif(p.assigned_to.type, '') as assigned_to_type,
    nullif(p.assigned_to.id, '') as assigned_to_id,
    nullif(p.body, '') as body,
    received_at
from parts
