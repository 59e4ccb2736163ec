-- Payments received from customers, as the journal books them.
-- Grain: payment_id. Owner: finance. Reads: staging.accounting_entry, core.identity_link, core.client.
select
    e.entry_key as payment_id,
    e.document,
    k.client_id,
    e.name as customer,
    e.booked_on as paid_on,
    e.total_debit as amount,
    coalesce(e.currency, r.currency) as currency
from staging.accounting_entry as e
cross join build.run as r
left join core.identity_link as l on l.source = 'accounting' and l.kind = 'company' and l.source_id = e.name
left join core.client as k on k.client_id = l.entity_id
where lower(e.kind) in ('payment', 'sales receipt')
