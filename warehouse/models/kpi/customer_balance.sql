-- What each customer owes by its invoices, and by the books: the two are one.
-- Grain: customer, currency. Owner: finance. Reads: core.receivable_line, core.invoice.
with books as (
    select customer, currency, sum(debit - credit) as balance,
        sum(debit) filter (is_claim) as claimed
    from core.receivable_line
    group by customer, currency
),

invoices as (
    select customer, currency, sum(open) as open
    from core.invoice
    where source = 'journal'
    group by customer, currency
)

select
    b.customer,
    b.currency,
    cast(b.balance as decimal(18, 4)) as balance,
    cast(coalesce(i.open, 0) as decimal(18, 4)) as open,
    -- Paid beyond all invoices, or paid back beyond all that came in.
    cast(coalesce(i.open, 0) - b.balance as decimal(18, 4)) as on_account
from books as b
left join invoices as i on i.customer is not distinct from b.customer and i.currency = b.currency
