-- Recurring revenue as the CRM sells it: won deals with a start, each from when to when at how much a month.
-- Grain: source_id. Owner: finance. Reads: core.subscription.
select
    client_id,
    subscription_id as source_id,
    starts_at,
    ends_at,
    own_amount as monthly_amount,
    coalesce(own_list_amount, own_amount) as list_monthly_amount,
    currency
from core.subscription
