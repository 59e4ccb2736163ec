-- Lines of banks, Stripe and cards: cash as it moved.
-- Grain: movement_key. Owner: finance. Reads: raw.accounting_movements_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"key": "VARCHAR", "format": "VARCHAR", "account": "VARCHAR", "currency": "VARCHAR",
              "date": "VARCHAR", "value_date": "VARCHAR", "amount": "VARCHAR", "text": "VARCHAR",
              "balance": "VARCHAR", "bank_id": "VARCHAR", "category": "VARCHAR", "gross": "VARCHAR",
              "fee": "VARCHAR"}'
        ) as r
    from raw.accounting_movements_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as movement_key,
    nullif(trim(r.format), '') as format,
    nullif(trim(r.account), '') as account,
    upper(nullif(trim(r.currency), '')) as currency,
    try_cast(r.date as date) as moved_on,
    try_cast(r.value_date as date) as value_on,
    try_cast(r.amount as decimal(18, 4)) as amount,
    nullif(trim(r.text), '') as text,
    try_cast(r.balance as decimal(18, 4)) as balance,
    nullif(trim(r.bank_id), '') as bank_id,
    nullif(trim(r.category), '') as category,
    try_cast(r.gross as decimal(18, 4)) as gross,
    try_cast(r.fee as decimal(18, 4)) as fee,
    received_at
from records
