-- What customers owe and what takes it away: lines of the journal on the accounts that invoices are claimed on.
-- Grain: entry_key, position. Owner: finance. Reads: core.journal_line, playbook.cash_account.
with claims as (
    -- The largest debit of an invoice is what the customer owes; smaller ones are tax withheld and the like.
    select entry_key, arg_max(account, (debit, -position)) as account
    from core.journal_line
    where lower(entry_kind) = 'invoice' and debit > 0 and (kind = 'balance' or kind is null)
    group by entry_key
),

accounts as (
    select distinct account
    from claims
    where account not in (select account from playbook.cash_account)
)

select
    j.entry_key,
    j.position,
    j.booked_on,
    j.entry_kind,
    j.document,
    j.name as customer,
    j.account,
    j.debit,
    j.credit,
    j.currency,
    coalesce(lower(j.entry_kind) = 'invoice', false) and j.debit > 0 as is_claim
from core.journal_line as j
inner join accounts as a on a.account = j.account
