-- HubSpot deals as they stand now; a won deal with a start is a subscription.
-- Grain: deal_id. Owner: sales. Reads: raw.hubspot_deals_current.
with records as (
    select
        key,
        received_at,
        run_id,
        list_filter(
            [
                'amount', 'dealstage', 'hs_is_closed_won',
                'tenfold_billing_interval', 'tenfold_start_at', 'tenfold_end_at'
            ],
            lambda x: json_extract(body, '$.properties.' || x) is null
        ) as absent,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR",
              "properties": {"dealname": "VARCHAR", "amount": "VARCHAR", "deal_currency_code": "VARCHAR",
               "dealstage": "VARCHAR", "pipeline": "VARCHAR", "dealtype": "VARCHAR",
               "createdate": "VARCHAR", "closedate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR",
               "hs_is_closed": "VARCHAR", "hs_is_closed_won": "VARCHAR", "hs_merged_object_ids": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "tenfold_plan": "VARCHAR",
               "tenfold_billing_interval": "VARCHAR", "tenfold_list_amount": "VARCHAR",
               "tenfold_start_at": "VARCHAR", "tenfold_end_at": "VARCHAR"}}'
        ) as r
    from raw.hubspot_deals_current
)

select
    coalesce(nullif(r.id, ''), key) as deal_id,
    nullif(trim(r.properties.dealname), '') as name,
    try_cast(r.properties.amount as decimal(18, 4)) as amount,
    nullif(trim(r.properties.deal_currency_code), '') as currency,
    nullif(trim(r.properties.dealstage), '') as stage,
    nullif(trim(r.properties.pipeline), '') as pipeline_id,
    nullif(trim(r.properties.dealtype), '') as kind,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.properties.closedate as timestamptz) as closed_at,
    try_cast(r.properties.hs_is_closed as boolean) as is_closed,
    try_cast(r.properties.hs_is_closed_won as boolean) as is_won,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    nullif(trim(r.properties.tenfold_plan), '') as plan,
    lower(nullif(trim(r.properties.tenfold_billing_interval), '')) as interval,
    try_cast(r.properties.tenfold_list_amount as decimal(18, 4)) as list_amount,
    try_cast(r.properties.tenfold_start_at as timestamptz) as starts_at,
    try_cast(r.properties.tenfold_end_at as timestamptz) as ends_at,
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
