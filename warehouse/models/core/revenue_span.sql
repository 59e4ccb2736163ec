-- Recurring revenue by the one policy that the playbook names: who pays how much a month, from when to when.
-- Grain: source_id. Owner: finance.
-- Reads: core.revenue_deal, core.revenue_subscription, core.revenue_invoice, playbook.revenue.
with spans as (
    select 'deals' as policy, * from core.revenue_deal
    union all by name
    select 'subscriptions' as policy, * from core.revenue_subscription
    union all by name
    select 'invoices' as policy, * from core.revenue_invoice
)

select
    s.client_id,
    s.source_id,
    s.starts_at,
    s.ends_at,
    s.monthly_amount,
    s.list_monthly_amount,
    s.currency,
    s.policy
from spans as s
inner join playbook.revenue as p on p.policy = s.policy
