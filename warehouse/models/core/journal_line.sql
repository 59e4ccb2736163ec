-- Lines of the journal with the class of their account; `booked_at` is local midnight of the booking date.
-- Grain: entry_key, position. Owner: finance. Reads: staging.accounting_line, accounting_entry, playbook.account.
select
    l.entry_key,
    l.position,
    l.booked_on,
    timezone(r.zone, cast(l.booked_on as timestamp)) as booked_at,
    e.kind as entry_kind,
    e.document,
    l.name,
    l.memo,
    l.account,
    -- Empty when the playbook does not know the account: it is not guessed.
    a.kind,
    coalesce(a.acquisition, false) as acquisition,
    l.debit,
    l.credit,
    coalesce(e.currency, r.currency) as currency
from staging.accounting_line as l
inner join staging.accounting_entry as e using (entry_key)
cross join build.run as r
left join playbook.account as a on a.name = l.account
