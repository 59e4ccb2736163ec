-- Intercom companies as they stand now.
-- Grain: intercom_company_id. Owner: support. Reads: raw.intercom_companies_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"id": "VARCHAR", "company_id": "VARCHAR", "name": "VARCHAR", "created_at": "VARCHAR",
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
    received_at
from records
