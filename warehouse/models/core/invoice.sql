-- Invoices and credit notes of the journal.
-- Grain: invoice_id. Owner: finance. Reads: staging.accounting_entry, core.journal_line, core.identity_link.
with revenues as (
    select
        entry_key,
        -- A line on an account that the playbook does not know may be revenue, so the sum is not known.
        if(bool_or(kind is null), null, coalesce(sum(credit - debit) filter (kind = 'revenue'), 0)) as net
    from core.journal_line
    group by entry_key
)

select
    e.entry_key as invoice_id,
    e.document as number,
    k.client_id,
    e.name as customer,
    e.booked_on as issued_on,
    v.net,
    if(v.net < 0, -e.total_debit, e.total_debit) - v.net as tax,
    if(v.net < 0, -e.total_debit, e.total_debit) as total,
    coalesce(e.currency, r.currency) as currency
from staging.accounting_entry as e
cross join build.run as r
left join revenues as v using (entry_key)
left join core.identity_link as l on l.source = 'accounting' and l.kind = 'company' and l.source_id = e.name
left join core.client as k on k.client_id = l.entity_id
where lower(e.kind) in ('invoice', 'sales receipt', 'credit memo')
