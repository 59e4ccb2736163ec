-- Costs of the journal, one row per booked line; a refund is negative.
-- Grain: entry_key, position. Owner: finance. Reads: core.journal_line.
select
    entry_key,
    position,
    booked_on,
    booked_at,
    account,
    kind,
    acquisition,
    name as supplier,
    memo,
    debit - credit as amount,
    currency
from core.journal_line
where kind in ('direct', 'operating', 'financial', 'tax_on_profit')
