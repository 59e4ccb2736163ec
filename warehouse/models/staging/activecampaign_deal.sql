-- ActiveCampaign deals as they stand now; of pipelines that the key's user may not see, only the title is told.
-- Grain: deal_id. Owner: sales. Reads: raw.activecampaign_deals_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "title": "VARCHAR", "value": "VARCHAR", "currency": "VARCHAR",
              "status": "VARCHAR", "group": "VARCHAR", "stage": "VARCHAR", "owner": "VARCHAR",
              "contact": "VARCHAR", "account": "VARCHAR", "winProbability": "VARCHAR",
              "cdate": "VARCHAR", "mdate": "VARCHAR", "isDisabled": "VARCHAR"}'
        ) as r
    from raw.activecampaign_deals_current
)

select
    coalesce(nullif(r.id, ''), key) as deal_id,
    nullif(trim(r.title), '') as name,
    -- Hundredths, in every currency.
    (try_cast(r.value as decimal(18, 2)) * 0.01)::decimal(18, 4) as amount,
    upper(nullif(trim(r.currency), '')) as currency,
    case trim(r.status) when '0' then 'open' when '1' then 'won' when '2' then 'lost' end as status,
    nullif(trim(r.group), '') as pipeline_id,
    nullif(trim(r.stage), '') as stage_id,
    nullif(trim(r.owner), '') as owner_id,
    nullif(trim(r.contact), '') as contact_id,
    nullif(trim(r.account), '') as account_id,
    try_cast(r.winProbability as integer) as win_probability,
    try_cast(r.cdate as timestamptz) as created_at,
    try_cast(r.mdate as timestamptz) as updated_at,
    coalesce(try_cast(r.isDisabled as boolean), false) as is_hidden,
    r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
