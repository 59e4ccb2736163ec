-- HubSpot contacts as they stand now; archived and merged ones stay, flagged.
-- Grain: contact_id. Owner: sales. Reads: raw.hubspot_contacts_current.
with records as (
    select
        key,
        received_at,
        run_id,
        list_filter(
            ['email', 'lifecyclestage'],
            lambda x: json_extract(body, '$.properties.' || x) is null
        ) as absent,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR",
              "properties": {"email": "VARCHAR", "firstname": "VARCHAR", "lastname": "VARCHAR",
               "hs_language": "VARCHAR", "lifecyclestage": "VARCHAR", "hs_lead_status": "VARCHAR",
               "createdate": "VARCHAR", "lastmodifieddate": "VARCHAR", "hs_email_optout": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "associatedcompanyid": "VARCHAR",
               "hs_merged_object_ids": "VARCHAR", "hs_additional_emails": "VARCHAR"}}'
        ) as r
    from raw.hubspot_contacts_current
)

select
    coalesce(nullif(r.id, ''), key) as contact_id,
    nullif(trim(r.properties.email), '') as email,
    nullif(trim(r.properties.firstname), '') as first_name,
    nullif(trim(r.properties.lastname), '') as last_name,
    nullif(trim(r.properties.hs_language), '') as language,
    nullif(trim(r.properties.lifecyclestage), '') as stage,
    nullif(trim(r.properties.hs_lead_status), '') as lead_status,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.properties.hs_email_optout as boolean) as opted_out,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    nullif(trim(r.properties.associatedcompanyid), '') as company_id,
    list_filter(
        list_transform(string_split(coalesce(r.properties.hs_merged_object_ids, ''), ';'), lambda x: trim(x)),
        lambda x: x <> ''
    ) as merged_ids,
    list_filter(
        list_transform(string_split(coalesce(r.properties.hs_additional_emails, ''), ';'), lambda x: trim(x)),
        lambda x: x <> ''
    ) as other_emails,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    run_id,
    absent,
    received_at
from records
