-- Cash as it moved: lines of banks, Stripe and cards.
-- Grain: transaction_id. Owner: finance. Reads: staging.accounting_movement.
select
    m.movement_key as transaction_id,
    m.format,
    m.account,
    m.moved_on,
    m.value_on,
    m.amount,
    coalesce(m.currency, r.currency) as currency,
    m.text,
    m.balance,
    m.bank_id,
    m.category,
    m.gross,
    m.fee
from staging.accounting_movement as m
cross join build.run as r
