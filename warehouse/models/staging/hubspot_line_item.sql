-- What was sold in a deal, as it stands now.
-- Grain: line_item_id. Owner: sales. Reads: raw.hubspot_line_items_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "name": "VARCHAR", "description": "VARCHAR", "hs_sku": "VARCHAR",
               "hs_product_id": "VARCHAR", "quantity": "VARCHAR", "price": "VARCHAR",
               "discount": "VARCHAR", "amount": "VARCHAR", "hs_line_item_currency_code": "VARCHAR",
               "recurringbillingfrequency": "VARCHAR", "hubspot_owner_id": "VARCHAR",
               "createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_line_items_current
)

select
    coalesce(nullif(r.id, ''), key) as line_item_id,
    nullif(trim(r.properties.name), '') as name,
    nullif(trim(r.properties.description), '') as description,
    nullif(trim(r.properties.hs_sku), '') as sku,
    nullif(trim(r.properties.hs_product_id), '') as product_id,
    try_cast(r.properties.quantity as decimal(18, 4)) as quantity,
    try_cast(r.properties.price as decimal(18, 4)) as price,
    try_cast(r.properties.discount as decimal(18, 4)) as discount,
    try_cast(r.properties.amount as decimal(18, 4)) as amount,
    upper(nullif(trim(r.properties.hs_line_item_currency_code), '')) as currency,
    lower(nullif(trim(r.properties.recurringbillingfrequency), '')) as billing_frequency,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
