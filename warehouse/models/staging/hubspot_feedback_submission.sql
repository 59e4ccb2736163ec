-- Answers to HubSpot's own surveys as they stand now.
-- Grain: feedback_submission_id. Owner: customer success. Reads: raw.hubspot_feedback_submissions_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "hs_submission_name": "VARCHAR", "hs_survey_name": "VARCHAR", "hs_survey_id": "VARCHAR",
               "hs_survey_type": "VARCHAR", "hs_survey_channel": "VARCHAR",
               "hs_response_group": "VARCHAR", "hs_value": "VARCHAR", "hs_content": "VARCHAR",
               "hs_submission_timestamp": "VARCHAR", "hubspot_owner_id": "VARCHAR",
               "hs_createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_feedback_submissions_current
)

select
    coalesce(nullif(r.id, ''), key) as feedback_submission_id,
    nullif(trim(r.properties.hs_submission_name), '') as name,
    nullif(trim(r.properties.hs_survey_name), '') as survey,
    nullif(trim(r.properties.hs_survey_id), '') as survey_id,
    nullif(trim(r.properties.hs_survey_type), '') as survey_type,
    nullif(trim(r.properties.hs_survey_channel), '') as channel,
    nullif(trim(r.properties.hs_response_group), '') as response_group,
    try_cast(r.properties.hs_value as double) as value,
    nullif(trim(r.properties.hs_content), '') as content,
    try_cast(r.properties.hs_submission_timestamp as timestamptz) as answered_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.hs_createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
