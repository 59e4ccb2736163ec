-- Subscriptions of $clients clients, one to three each, and a rate of the dollar for each day.
create table core.revenue_deal (
    client_id varchar, source_id varchar, starts_at timestamptz, ends_at timestamptz,
    monthly_amount decimal(18, 4), list_monthly_amount decimal(18, 4), currency varchar
);
create table core.revenue_invoice as from core.revenue_deal;
create table staging.accounting_rate as
select 'USD' || d as rate_key, cast(d as date) as rated_on, 'USD' as currency,
    cast(1.05 + (hash(d) % 1000) / 10000 as decimal(18, 6)) as rate
from range(timestamp '2023-10-01', timestamp '2026-11-01', interval 1 day) as r (d);

create table staging.accounting_subscription as
with clients as (
    select i, hash(i) as h, date '2023-11-01' + cast(hash(i, 1) % 1000 as integer) as first_on
    from range($clients) as r (i)
),

parts as (
    select c.*, p, hash(i, p, 2) as g
    from clients as c, range(3) as q (p)
    where p = 0 or hash(i, p, 3) % 2 = 0
)

select
    i || '-' || p as subscription_key,
    i || '-' || p as subscription_id,
    'Customer ' || i as customer,
    null::varchar as email,
    'plan' as plan,
    1::decimal(18, 4) as quantity,
    ['month', 'month', 'month', 'year', 'week'][cast(1 + g % 5 as bigint)] as interval,
    1 as interval_count,
    cast(20 + (g % 50000) / 100 as decimal(18, 4)) as amount,
    cast(25 + (g % 50000) / 100 as decimal(18, 4)) as list_amount,
    if(h % 10 = 0, 'USD', 'EUR') as currency,
    if(g % 3 = 0, 'canceled', 'active') as status,
    first_on + cast(p * (g % 300) as integer) as started_on,
    if(g % 3 = 0, first_on + cast(p * (g % 300) + 20 + g % 500 as integer), null) as ended_on,
    if(g % 3 = 0, first_on + cast(p * (g % 300) + 10 + g % 500 as integer), null) as canceled_on,
    null::date as period_from,
    null::date as period_to
from parts;

create table core.identity_link as
select 'accounting' as source, 'company' as kind, 'Customer ' || i as source_id, cast(i as varchar) as entity_id
from range($clients) as r (i);
