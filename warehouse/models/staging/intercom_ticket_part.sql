-- Parts of Intercom tickets, in the order in which Intercom gives them.
-- Grain: ticket_id, position. Owner: support. Reads: raw.intercom_tickets_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"id": "VARCHAR",
              "ticket_parts": {"ticket_parts": [
                  {"id": "VARCHAR", "part_type": "VARCHAR", "body": "VARCHAR", "created_at": "VARCHAR",
                   "ticket_state": "VARCHAR", "previous_ticket_state": "VARCHAR",
                   "author": {"type": "VARCHAR", "id": "VARCHAR"},
                   "assigned_to": {"type": "VARCHAR", "id": "VARCHAR"}}]}}'
        ) as r
    from raw.intercom_tickets_current
),

parts as (
    select
        coalesce(nullif(r.id, ''), key) as ticket_id,
        received_at,
        unnest(r.ticket_parts.ticket_parts) as p,
        generate_subscripts(r.ticket_parts.ticket_parts, 1) as position
    from records
)

select
    ticket_id,
    position,
    nullif(p.id, '') as part_id,
    nullif(p.part_type, '') as part_type,
    to_timestamp(try_cast(p.created_at as bigint)) as created_at,
    nullif(p.ticket_state, '') as state,
    nullif(p.previous_ticket_state, '') as previous_state,
    nullif(p.author.type, '') as author_type,
    nullif(p.author.id, '') as author_id,
    nullif(p.assigned_to.type, '') as assigned_to_type,
    nullif(p.assigned_to.id, '') as assigned_to_id,
    nullif(p.body, '') as body,
    received_at
from parts
