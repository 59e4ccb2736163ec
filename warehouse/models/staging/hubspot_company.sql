-- HubSpot companies as they stand now.
-- Grain: company_id. Owner: sales. Reads: raw.hubspot_companies_current.
with records as (
    select
        key,
        received_at,
        run_id,
        list_filter(
            [
                'name', 'createdate', 'tenfold_onb_platform_access_at', 'tenfold_onb_first_settings_at',
                'tenfold_onb_integrations_at'
            ],
            lambda x: json_extract(body, '$.properties.' || x) is null
        ) as absent,
        -- The playbook names the checklist's properties, so they cannot be listed here.
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR",
              "properties": {"name": "VARCHAR", "domain": "VARCHAR", "industry": "VARCHAR", "country": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "lifecyclestage": "VARCHAR", "createdate": "VARCHAR",
               "hs_lastmodifieddate": "VARCHAR", "hs_merged_object_ids": "VARCHAR", "tenfold_language": "VARCHAR",
               "tenfold_acquisition_source": "VARCHAR", "tenfold_survey_csat": "VARCHAR",
               "tenfold_survey_nps": "VARCHAR", "tenfold_survey_answered_at": "VARCHAR"}}'
        ) as r
    from raw.hubspot_companies_current
)

select
    coalesce(nullif(r.id, ''), key) as company_id,
    nullif(trim(r.properties.name), '') as name,
    lower(nullif(trim(r.properties.domain), '')) as domain,
    nullif(trim(r.properties.industry), '') as industry,
    nullif(trim(r.properties.country), '') as country,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    nullif(trim(r.properties.lifecyclestage), '') as stage,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    nullif(trim(r.properties.tenfold_language), '') as language,
    nullif(trim(r.properties.tenfold_acquisition_source), '') as acquisition_source,
    try_cast(r.properties.tenfold_survey_csat as integer) as survey_csat,
    try_cast(r.properties.tenfold_survey_nps as integer) as survey_nps,
    try_cast(r.properties.tenfold_survey_answered_at as timestamptz) as survey_answered_at,
    list_filter(
        list_transform(string_split(coalesce(r.properties.hs_merged_object_ids, ''), ';'), lambda x: trim(x)),
        lambda x: x <> ''
    ) as merged_ids,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    run_id,
    absent,
    received_at
from records
