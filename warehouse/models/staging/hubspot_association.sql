-- Which HubSpot record belongs to which other, label by label: one table over every stream of associations.
-- Grain: from_kind, from_id, to_kind, to_id, type_id. Owner: sales. Reads: raw.hubspot_<from>_<to>_current.
with streams as (
    select 'contact' as from_kind, 'company' as to_kind, key, received_at, body from raw.hubspot_contact_companies_current
    union all
    select 'deal', 'company', key, received_at, body from raw.hubspot_deal_companies_current
    union all
    select 'ticket', 'company', key, received_at, body from raw.hubspot_ticket_companies_current
    union all
    select 'deal', 'contact', key, received_at, body from raw.hubspot_deal_contacts_current
    union all
    select 'ticket', 'contact', key, received_at, body from raw.hubspot_ticket_contacts_current
    union all
    select 'deal', 'line_item', key, received_at, body from raw.hubspot_deal_line_items_current
    union all
    select 'task', 'contact', key, received_at, body from raw.hubspot_task_contacts_current
    union all
    select 'note', 'contact', key, received_at, body from raw.hubspot_note_contacts_current
    union all
    select 'email', 'contact', key, received_at, body from raw.hubspot_email_contacts_current
    union all
    select 'meeting', 'contact', key, received_at, body from raw.hubspot_meeting_contacts_current
    union all
    select 'call', 'contact', key, received_at, body from raw.hubspot_call_contacts_current
    union all
    select 'feedback_submission', 'contact', key, received_at, body from raw.hubspot_feedback_contacts_current
),

records as (
    select
        from_kind,
        to_kind,
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "from": {"id": "VARCHAR"},
              "to": [{"toObjectId": "VARCHAR", "id": "VARCHAR",
                      "associationTypes": [{"category": "VARCHAR", "typeId": "VARCHAR", "label": "VARCHAR"}]}]}'
        ) as r
    from streams
),

pairs as (
    select
        from_kind,
        coalesce(nullif(r."from".id, ''), key) as from_id,
        to_kind,
        received_at,
        try_cast(r.gone_at as timestamptz) as gone_at,
        unnest(r."to") as t
    from records
),

-- A pair of which no type is told is a pair all the same.
types as (
    select
        * exclude (t),
        -- The documents say a number, the specification a string; older answers say id.
        coalesce(nullif(t.toObjectId, ''), nullif(t.id, '')) as to_id,
        unnest(if(len(t.associationTypes) > 0, t.associationTypes, [null])) as kind
    from pairs
)

-- The same id may be listed twice.
select
    from_kind,
    from_id,
    to_kind,
    to_id,
    try_cast(kind.typeId as bigint) as type_id,
    any_value(nullif(kind.category, '')) as category,
    any_value(nullif(trim(kind.label), '')) as label,
    coalesce(bool_or(kind.label = 'Primary'), false) as is_primary,
    max(gone_at) as gone_at,
    max(received_at) as received_at
from types
group by from_kind, from_id, to_kind, to_id, type_id
