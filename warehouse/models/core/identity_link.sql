-- Which record of each system is which person or company, how we know, and which records nobody claims.
-- Grain: source, kind, source_id. Owner: operations. Reads: core.person, core.merged_person, staging of Intercom,
-- Mailchimp and accounting, staging.hubspot_company, core.merged_company.
--
-- Deterministic on purpose: an id that we set ourselves, then an e-mail that one person has. Nothing is
-- guessed from names of people; a customer of the journal has no other identity than its name.
with people as (
    -- Whoever was merged away lives on in the other, also when we never read them before.
    select
        coalesce(p.person_id, m.person_id) as person_id,
        coalesce(m.merged_into, p.person_id) as kept_id,
        p.email,
        p.other_emails,
        p.archived or m.person_id is not null as gone
    from core.person as p
    full join core.merged_person as m using (person_id)
),

addresses as (
    select kept_id, email, gone from people where email is not null
    union
    select kept_id, unnest(other_emails) as email, gone from people
),

emails as (
    -- The living go before the archived, who are still the ones that an old record speaks of.
    select
        email,
        coalesce(min(kept_id) filter (not gone), min(kept_id)) as person_id,
        coalesce(nullif(count(distinct kept_id) filter (not gone), 0), count(distinct kept_id)) as people
    from addresses
    group by email
),

-- A company that was merged away is known by its old name too, and leads to the one that stayed.
organisations as (
    select
        coalesce(c.company_id, m.company_id) as company_id,
        coalesce(m.merged_into, c.company_id) as kept_id,
        c.name,
        coalesce(k.archived, false) as archived
    from staging.hubspot_company as c
    full join core.merged_company as m using (company_id)
    left join staging.hubspot_company as k on k.company_id = coalesce(m.merged_into, c.company_id)
),

names as (
    select lower(trim(name)) as name, min(kept_id) as company_id, count(distinct kept_id) as companies
    from organisations
    where name is not null and not archived
    group by 1
),

-- Whoever the books, the invoices or the billing system name as a customer.
payments as (
    select e.name, null as email
    from staging.accounting_entry as e
    where lower(e.kind) in ('invoice', 'payment', 'sales receipt', 'credit memo')
    union
    select d.counterparty, d.email from staging.accounting_document as d where d.kind in ('invoice', 'credit_note')
    union
    select coalesce(s.customer, s.email), s.email from staging.accounting_subscription as s
),

customers as (
    select name, if(count(distinct email) = 1, min(email), null) as email
    from payments
    where name is not null
    group by name
),

contacts as (
    select
        'intercom' as source,
        'person' as kind,
        i.contact_id as source_id,
        coalesce(p.kept_id, if(e.people = 1, e.person_id, null)) as entity_id,
        case
            when p.kept_id is not null then 'external_id'
            when e.people = 1 then 'email'
            when e.people > 1 then 'ambiguous'
            else 'none'
        end as method,
        case
            when p.kept_id <> p.person_id
                then 'Intercom external_id ' || i.external_id || ' is a HubSpot contact merged into ' || p.kept_id
            when p.kept_id is not null then 'Intercom external_id is the HubSpot contact id ' || i.external_id
            when e.people = 1 then 'Same e-mail as HubSpot contact ' || e.person_id
            when e.people > 1 then 'The e-mail belongs to ' || e.people || ' HubSpot contacts'
            else 'No HubSpot contact has this external_id or e-mail'
        end as explanation
    from staging.intercom_contact as i
    left join people as p on p.person_id = i.external_id
    left join emails as e on e.email = i.email
),

companies as (
    select
        'intercom' as source,
        'company' as kind,
        i.intercom_company_id as source_id,
        o.kept_id as entity_id,
        if(o.kept_id is null, 'none', 'external_id') as method,
        case
            when o.kept_id is null then 'No HubSpot company has this company_id'
            when o.kept_id <> o.company_id
                then 'Intercom company_id ' || i.company_id || ' is a HubSpot company merged into ' || o.kept_id
            else 'Intercom company_id is the HubSpot company id ' || o.company_id
        end as explanation
    from staging.intercom_company as i
    left join organisations as o on o.company_id = i.company_id
),

members as (
    select
        'mailchimp' as source,
        'person' as kind,
        m.member_key as source_id,
        if(e.people = 1, e.person_id, null) as entity_id,
        case when e.people = 1 then 'email' when e.people > 1 then 'ambiguous' else 'none' end as method,
        case
            when e.people = 1 then 'Same e-mail as HubSpot contact ' || e.person_id
            when e.people > 1 then 'The e-mail belongs to ' || e.people || ' HubSpot contacts'
            else 'No HubSpot contact has this e-mail'
        end as explanation
    from staging.mailchimp_member as m
    left join emails as e on e.email = m.email
),

payers as (
    select
        'accounting' as source,
        'company' as kind,
        c.name as source_id,
        case when n.companies = 1 then n.company_id when n.companies is null then p.company_id end as entity_id,
        case
            when n.companies = 1 then 'name'
            when n.companies > 1 then 'ambiguous'
            when p.company_id is not null then 'email'
            else 'none'
        end as method,
        case
            when n.companies = 1 then 'Same name as HubSpot company ' || n.company_id
            when n.companies > 1 then n.companies || ' HubSpot companies have this name'
            when p.company_id is not null then 'Its e-mail is that of HubSpot contact ' || p.person_id
            else 'No HubSpot company has this name'
        end as explanation
    from customers as c
    left join names as n on n.name = lower(trim(c.name))
    left join emails as e on e.email = c.email and e.people = 1
    left join core.person as p on p.person_id = e.person_id
)

select * from contacts
union all
select * from companies
union all
select * from members
union all
select * from payers
