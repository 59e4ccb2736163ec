-- The properties that the portal defines: what each is called and what it holds.
-- Grain: object, name. Owner: sales. Reads: raw.hubspot_<object>_properties_current.
with definitions as (
    select 'company' as object, key, received_at, body from raw.hubspot_company_properties_current
    union all
    select 'contact', key, received_at, body from raw.hubspot_contact_properties_current
    union all
    select 'deal', key, received_at, body from raw.hubspot_deal_properties_current
    union all
    select 'ticket', key, received_at, body from raw.hubspot_ticket_properties_current
),

records as (
    select
        object,
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "name": "VARCHAR", "label": "VARCHAR", "description": "VARCHAR",
              "type": "VARCHAR", "fieldType": "VARCHAR", "groupName": "VARCHAR", "hubspotDefined": "VARCHAR",
              "hasUniqueValue": "VARCHAR", "archived": "VARCHAR",
              "options": [{"label": "VARCHAR", "value": "VARCHAR"}]}'
        ) as r
    from definitions
)

select
    object,
    coalesce(nullif(r.name, ''), key) as name,
    nullif(trim(r.label), '') as label,
    nullif(trim(r.description), '') as description,
    nullif(trim(r.type), '') as type,
    nullif(trim(r.fieldType), '') as field_type,
    nullif(trim(r.groupName), '') as property_group,
    coalesce(try_cast(r.hubspotDefined as boolean), false) as is_hubspots,
    coalesce(try_cast(r.hasUniqueValue as boolean), false) as is_unique,
    coalesce(list_transform(r.options, lambda x: x.value), []::varchar[]) as options,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
