-- ActiveCampaign contacts as they stand now; what is gone there stays, flagged.
-- Grain: contact_id. Owner: marketing. Reads: raw.activecampaign_contacts_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "email": "VARCHAR", "firstName": "VARCHAR", "lastName": "VARCHAR",
              "phone": "VARCHAR", "cdate": "VARCHAR", "udate": "VARCHAR", "deleted": "VARCHAR",
              "anonymized": "VARCHAR", "bounced_hard": "VARCHAR", "bounced_soft": "VARCHAR"}'
        ) as r
    from raw.activecampaign_contacts_current
)

select
    coalesce(nullif(r.id, ''), key) as contact_id,
    nullif(trim(r.email), '') as email,
    nullif(trim(r.firstName), '') as first_name,
    nullif(trim(r.lastName), '') as last_name,
    nullif(trim(r.phone), '') as phone,
    try_cast(r.cdate as timestamptz) as created_at,
    try_cast(r.udate as timestamptz) as updated_at,
    try_cast(r.bounced_hard as integer) as hard_bounces,
    try_cast(r.bounced_soft as integer) as soft_bounces,
    coalesce(try_cast(r.anonymized as boolean), false) as anonymized,
    coalesce(try_cast(r.deleted as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
