-- Invoices and credit notes with what of them is paid: of the journal, and of invoicing programs where it has none.
-- Grain: invoice_id. Owner: finance.
-- Reads: staging.accounting_entry, staging.accounting_document, core.journal_line, core.receivable_line,
-- core.identity_link, core.client, playbook.finance.
--
-- In the journal a payment settles the invoice whose number it names; what names none settles the customer's
-- oldest. What is left open therefore adds up to the balance of the accounts that customers owe on, to the cent
-- (kpi.customer_balance asserts it). An invoicing program knows its own invoices better: where it has the same
-- one, its due date and state count.
with revenues as (
    select
        entry_key,
        -- A line on an account that the playbook does not know may be revenue, so the sum is not known.
        if(bool_or(kind is null), null, coalesce(sum(credit - debit) filter (kind = 'revenue'), 0)) as net
    from core.journal_line
    group by entry_key
),

claims as (
    select entry_key, customer, currency, any_value(document) as document,
        any_value(booked_on) as booked_on, sum(debit) as claimed
    from core.receivable_line
    where is_claim
    group by entry_key, customer, currency
),

named as (
    select customer, currency, document, sum(credit) as credit, max(booked_on) as last_on
    from core.receivable_line
    where credit > 0 and document is not null
    group by customer, currency, document
),

-- Two invoices of one number share what names it, the older first.
firsts as (
    select
        c.*,
        n.last_on,
        greatest(0, least(c.claimed, coalesce(n.credit, 0) - coalesce(sum(c.claimed) over (
            partition by c.customer, c.currency, c.document
            order by c.booked_on, c.entry_key
            rows between unbounded preceding and 1 preceding
        ), 0))) as named_paid
    from claims as c
    left join named as n
        on n.customer is not distinct from c.customer and n.currency = c.currency and n.document = c.document
),

-- What came in beside, less what was paid back.
pools as (
    select customer, currency, sum(credit) - sum(debit) filter (not is_claim) as pool
    from (
        select customer, currency, credit, debit, is_claim from core.receivable_line
        union all
        select customer, currency, -named_paid, 0, false from firsts
        union all
        -- A debit of nothing, so that the sum of debits is there.
        select distinct customer, currency, 0, 0, false from core.receivable_line
    )
    group by customer, currency
),

settled as (
    select
        f.*,
        greatest(0, least(f.claimed - f.named_paid, coalesce(p.pool, 0) - coalesce(sum(f.claimed - f.named_paid) over (
            partition by f.customer, f.currency
            order by f.booked_on, f.entry_key
            rows between unbounded preceding and 1 preceding
        ), 0))) as pool_paid
    from firsts as f
    left join pools as p on p.customer is not distinct from f.customer and p.currency = f.currency
),

journal as (
    select
        e.entry_key as invoice_id,
        e.document as number,
        k.client_id,
        e.name as customer,
        e.booked_on as issued_on,
        v.net,
        if(v.net < 0, -e.total_debit, e.total_debit) - v.net as tax,
        if(v.net < 0, -e.total_debit, e.total_debit) as total,
        coalesce(e.currency, r.currency) as currency,
        s.claimed,
        s.named_paid + s.pool_paid as settled,
        if(s.pool_paid = 0, s.last_on, null) as settled_on,
        lower(e.kind) as kind
    from staging.accounting_entry as e
    cross join build.run as r
    left join revenues as v using (entry_key)
    left join settled as s using (entry_key)
    left join core.identity_link as l on l.source = 'accounting' and l.kind = 'company' and l.source_id = e.name
    left join core.client as k on k.client_id = l.entity_id
    where lower(e.kind) in ('invoice', 'sales receipt', 'credit memo')
),

documents as (
    -- The same invoice from two programs is one; the later news counts.
    select
        number,
        counterparty,
        total,
        issued_on,
        arg_max(document_key, (received_at, document_key)) as document_key
    from staging.accounting_document
    where kind in ('invoice', 'credit_note')
    group by number, counterparty, total, issued_on
),

papers as (
    select d.*, lower(trim(d.counterparty)) as payer
    from documents as m
    inner join staging.accounting_document as d using (document_key)
),

names as (
    select lower(trim(name)) as name, any_value(client_id) as client_id
    from core.client
    where name is not null
    group by all
    having count(*) = 1
),

known as (
    select
        j.*,
        p.document_key,
        p.due_on as paper_due_on,
        p.paid as paper_paid,
        p.open as paper_open,
        p.status as paper_status,
        p.paid_on as paper_paid_on
    from journal as j
    left join papers as p
        on p.number = j.number and p.payer = lower(trim(j.customer)) and p.total = j.total
            and p.issued_on = j.issued_on
),

merged as (
    select
        invoice_id,
        number,
        client_id,
        customer,
        issued_on,
        net,
        tax,
        total,
        currency,
        paper_due_on as due_on,
        case
            when kind = 'invoice' then coalesce(paper_paid, total - paper_open, settled, 0)
            else total
        end as paid,
        case
            when kind = 'invoice'
                then coalesce(paper_open, total - paper_paid, claimed - settled)
            else 0
        end as open,
        coalesce(paper_paid_on, if(kind = 'invoice', settled_on, issued_on)) as paid_on,
        paper_status as status,
        if(document_key is null, 'journal', 'document') as source
    from known
    union all
    select
        p.document_key,
        p.number,
        n.client_id,
        p.counterparty,
        p.issued_on,
        p.net,
        p.tax,
        p.total,
        coalesce(p.currency, r.currency),
        p.due_on,
        if(p.kind = 'invoice', coalesce(p.paid, p.total - p.open, if(p.status = 'paid', p.total, null)), p.total),
        if(p.kind = 'invoice', coalesce(p.open, p.total - p.paid, if(p.status = 'paid', 0, null)), 0),
        p.paid_on,
        p.status,
        'document'
    from papers as p
    cross join build.run as r
    left join names as n on n.name = p.payer
    where p.document_key not in (select document_key from known where document_key is not null)
)

select
    m.* exclude (due_on, status, paid, open, paid_on, source),
    cast(m.paid as decimal(18, 4)) as paid,
    cast(m.open as decimal(18, 4)) as open,
    coalesce(m.due_on, m.issued_on + f.payment_terms_days) as due_on,
    if(m.due_on is null, 'terms', 'document') as due_from,
    if(m.open = 0, m.paid_on, null) as paid_on,
    case
        when m.status = 'uncollectible' then 'uncollectible'
        when m.total < 0 then 'credit'
        -- A state that nobody tells is not taken for a debt.
        when m.open is null then 'unknown'
        when m.open = 0 then 'paid'
        when m.paid > 0 then 'partial'
        else 'open'
    end as status,
    m.source
from merged as m
cross join playbook.finance as f
