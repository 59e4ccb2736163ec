-- HubSpot's product library as it stands now.
-- Grain: product_id. Owner: sales. Reads: raw.hubspot_products_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "name": "VARCHAR", "description": "VARCHAR", "hs_sku": "VARCHAR", "price": "VARCHAR",
               "hs_cost_of_goods_sold": "VARCHAR", "recurringbillingfrequency": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_products_current
)

select
    coalesce(nullif(r.id, ''), key) as product_id,
    nullif(trim(r.properties.name), '') as name,
    nullif(trim(r.properties.description), '') as description,
    nullif(trim(r.properties.hs_sku), '') as sku,
    try_cast(r.properties.price as decimal(18, 4)) as price,
    try_cast(r.properties.hs_cost_of_goods_sold as decimal(18, 4)) as cost,
    lower(nullif(trim(r.properties.recurringbillingfrequency), '')) as billing_frequency,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
