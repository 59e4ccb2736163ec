-- Double entries of the journal: the book of record.
-- Grain: entry_key. Owner: finance. Reads: raw.accounting_entries_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"key": "VARCHAR", "date": "VARCHAR", "kind": "VARCHAR", "document": "VARCHAR",
              "name": "VARCHAR", "memo": "VARCHAR", "currency": "VARCHAR", "total_debit": "VARCHAR"}'
        ) as r
    from raw.accounting_entries_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as entry_key,
    try_cast(r.date as date) as booked_on,
    nullif(trim(r.kind), '') as kind,
    nullif(trim(r.document), '') as document,
    nullif(trim(r.name), '') as name,
    nullif(trim(r.memo), '') as memo,
    upper(nullif(trim(r.currency), '')) as currency,
    try_cast(r.total_debit as decimal(18, 4)) as total_debit,
    received_at
from records
