-- Exchange rates of the European Central Bank, units for one euro.
-- Grain: rate_key. Owner: finance. Reads: raw.accounting_rates_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"date": "VARCHAR", "currency": "VARCHAR", "rate": "VARCHAR"}'
        ) as r
    from raw.accounting_rates_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as rate_key,
    try_cast(r.date as date) as rated_on,
    upper(nullif(trim(r.currency), '')) as currency,
    try_cast(r.rate as decimal(18, 6)) as rate,
    received_at
from records
