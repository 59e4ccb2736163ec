-- Intercom companies as they stand now.
-- Grain: intercom_company_id. Owner: support. Reads: raw.intercom_companies_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.custom_attributes') as custom_attributes,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "company_id": "VARCHAR", "name": "VARCHAR", "created_at": "VARCHAR",
              "updated_at": "VARCHAR"}'
        ) as r
    from raw.intercom_companies_current
)

select
    coalesce(nullif(r.id, ''), key) as intercom_company_id,
    nullif(trim(r.company_id), '') as company_id,
    nullif(trim(r.name), '') as name,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    try_cast(r.gone_at as timestamptz) as gone_at,
    custom_attributes,
    received_at
from records
