-- Intercom tickets as they stand now, without their parts.
-- Grain: ticket_id. Owner: support. Reads: raw.intercom_tickets_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.ticket_attributes') as custom_attributes,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "ticket_id": "VARCHAR", "category": "VARCHAR",
              "ticket_state": "JSON", "ticket_type": {"id": "VARCHAR", "name": "VARCHAR", "category": "VARCHAR"},
              "contacts": {"contacts": [{"id": "VARCHAR", "external_id": "VARCHAR"}]},
              "admin_assignee_id": "VARCHAR", "team_assignee_id": "VARCHAR", "created_at": "VARCHAR",
              "updated_at": "VARCHAR", "open": "VARCHAR", "snoozed_until": "VARCHAR",
              "ticket_parts": {"total_count": "VARCHAR"}}'
        ) as r
    from raw.intercom_tickets_current
)

select
    coalesce(nullif(r.id, ''), key) as ticket_id,
    nullif(r.ticket_id, '') as number,
    nullif(trim(custom_attributes ->> '$._default_title_'), '') as subject,
    lower(coalesce(nullif(r.category, ''), nullif(r.ticket_type.category, ''))) as category,
    nullif(r.ticket_type.id, '') as type_id,
    nullif(trim(r.ticket_type.name), '') as type_name,
    -- Older versions give the state as a word, newer ones as an object.
    lower(coalesce(nullif(r.ticket_state ->> '$.category', ''), nullif(r.ticket_state ->> '$', ''))) as state,
    nullif(trim(r.ticket_state ->> '$.internal_label'), '') as state_label,
    try_cast(r.open as boolean) as is_open,
    nullif(r.contacts.contacts[1].id, '') as contact_id,
    nullif(r.contacts.contacts[1].external_id, '') as external_id,
    -- Nobody is number 0.
    nullif(nullif(r.admin_assignee_id, ''), '0') as admin_id,
    nullif(nullif(r.team_assignee_id, ''), '0') as team_id,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    to_timestamp(try_cast(r.snoozed_until as bigint)) as snoozed_until,
    try_cast(r.ticket_parts.total_count as integer) as part_count,
    try_cast(r.gone_at as timestamptz) as gone_at,
    custom_attributes,
    received_at
from records
