-- Lines of the journal's entries.
-- Grain: entry_key, position. Owner: finance. Reads: raw.accounting_entries_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"date": "VARCHAR", "name": "VARCHAR", "memo": "VARCHAR",
              "lines": [{"account": "VARCHAR", "name": "VARCHAR", "memo": "VARCHAR",
                         "debit": "VARCHAR", "credit": "VARCHAR"}]}'
        ) as r
    from raw.accounting_entries_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
),

lines as (
    select key, received_at, r, unnest(r.lines) as l, generate_subscripts(r.lines, 1) as position
    from records
)

select
    key as entry_key,
    position,
    try_cast(r.date as date) as booked_on,
    nullif(trim(l.account), '') as account,
    coalesce(nullif(trim(l.name), ''), nullif(trim(r.name), '')) as name,
    coalesce(nullif(trim(l.memo), ''), nullif(trim(r.memo), '')) as memo,
    -- A line has one side; the other is written empty, which here does mean nothing booked.
    if(coalesce(trim(l.debit), '') = '', 0, try_cast(l.debit as decimal(18, 4))) as debit,
    if(coalesce(trim(l.credit), '') = '', 0, try_cast(l.credit as decimal(18, 4))) as credit,
    received_at
from lines
