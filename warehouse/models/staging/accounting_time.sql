-- Hours as a time tracker exports them.
-- Grain: time_key. Owner: finance. Reads: raw.accounting_time_entries_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"person": "VARCHAR", "client": "VARCHAR", "project": "VARCHAR", "task": "VARCHAR",
              "date": "VARCHAR", "hours": "VARCHAR", "billable": "VARCHAR", "format": "VARCHAR"}'
        ) as r
    from raw.accounting_time_entries_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as time_key,
    nullif(trim(r.person), '') as person,
    nullif(trim(r.client), '') as client,
    nullif(trim(r.project), '') as project,
    nullif(trim(r.task), '') as task,
    try_cast(r.date as date) as worked_on,
    try_cast(r.hours as decimal(18, 4)) as hours,
    try_cast(r.billable as boolean) as billable,
    nullif(trim(r.format), '') as format,
    received_at
from records
