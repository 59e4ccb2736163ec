-- Lines of invoices, bills and credit notes.
-- Grain: document_key, position. Owner: finance. Reads: raw.accounting_documents_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"lines": [{"description": "VARCHAR", "quantity": "VARCHAR", "unit_price": "VARCHAR",
                         "net": "VARCHAR", "tax": "VARCHAR", "account": "VARCHAR",
                         "service_from": "VARCHAR", "service_to": "VARCHAR"}]}'
        ) as r
    from raw.accounting_documents_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
),

lines as (
    select key, received_at, unnest(r.lines) as l, generate_subscripts(r.lines, 1) as position
    from records
)

select
    key as document_key,
    position,
    nullif(trim(l.description), '') as description,
    try_cast(l.quantity as decimal(18, 4)) as quantity,
    try_cast(l.unit_price as decimal(18, 4)) as unit_price,
    try_cast(l.net as decimal(18, 4)) as net,
    try_cast(l.tax as decimal(18, 4)) as tax,
    nullif(trim(l.account), '') as account,
    try_cast(l.service_from as date) as service_from,
    try_cast(l.service_to as date) as service_to,
    received_at
from lines
