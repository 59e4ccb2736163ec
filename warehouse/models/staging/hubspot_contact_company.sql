-- Which companies a contact belongs to; a contact without a company has no row.
-- Grain: contact_id, company_id. Owner: sales. Reads: raw.hubspot_contact_companies_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "from": {"id": "VARCHAR"},
              "to": [{"toObjectId": "VARCHAR", "id": "VARCHAR", "associationTypes": [{"label": "VARCHAR"}]}]}'
        ) as r
    from raw.hubspot_contact_companies_current
),

pairs as (
    select coalesce(nullif(r."from".id, ''), key) as contact_id, received_at, r.gone_at, unnest(r."to") as t
    from records
)

select
    contact_id,
    -- The documents say a number, the specification a string; older answers say id.
    coalesce(nullif(t.toObjectId, ''), nullif(t.id, '')) as company_id,
    bool_or(list_contains(list_transform(t.associationTypes, lambda x: x.label), 'Primary')) as is_primary,
    max(try_cast(gone_at as timestamptz)) as gone_at,
    max(received_at) as received_at
from pairs
group by all
