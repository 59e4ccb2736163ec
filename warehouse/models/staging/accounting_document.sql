-- Invoices, bills and credit notes as accounting files give them.
-- Grain: document_key. Owner: finance. Reads: raw.accounting_documents_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"kind": "VARCHAR", "number": "VARCHAR", "external_id": "VARCHAR",
              "counterparty": "VARCHAR", "tax_id": "VARCHAR", "email": "VARCHAR",
              "issued_on": "VARCHAR", "due_on": "VARCHAR", "service_from": "VARCHAR",
              "service_to": "VARCHAR", "currency": "VARCHAR", "net": "VARCHAR", "tax": "VARCHAR",
              "withheld": "VARCHAR", "total": "VARCHAR", "paid": "VARCHAR", "open": "VARCHAR",
              "status": "VARCHAR", "paid_on": "VARCHAR", "subscription_id": "VARCHAR",
              "format": "VARCHAR"}'
        ) as r
    from raw.accounting_documents_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as document_key,
    lower(nullif(trim(r.kind), '')) as kind,
    nullif(trim(r.number), '') as number,
    nullif(trim(r.external_id), '') as external_id,
    nullif(trim(r.counterparty), '') as counterparty,
    upper(nullif(trim(r.tax_id), '')) as tax_id,
    lower(nullif(trim(r.email), '')) as email,
    try_cast(r.issued_on as date) as issued_on,
    try_cast(r.due_on as date) as due_on,
    try_cast(r.service_from as date) as service_from,
    try_cast(r.service_to as date) as service_to,
    upper(nullif(trim(r.currency), '')) as currency,
    try_cast(r.net as decimal(18, 4)) as net,
    try_cast(r.tax as decimal(18, 4)) as tax,
    try_cast(r.withheld as decimal(18, 4)) as withheld,
    try_cast(r.total as decimal(18, 4)) as total,
    try_cast(r.paid as decimal(18, 4)) as paid,
    try_cast(r.open as decimal(18, 4)) as open,
    lower(nullif(trim(r.status), '')) as status,
    try_cast(r.paid_on as date) as paid_on,
    nullif(trim(r.subscription_id), '') as subscription_id,
    nullif(trim(r.format), '') as format,
    received_at
from records
