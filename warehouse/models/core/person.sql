-- People, as HubSpot knows them; archived and merged ones stay, flagged.
-- Grain: person_id. Owner: customer success. Reads: staging.hubspot_contact, hubspot_contact_company,
-- intercom_contact, mailchimp_member, core.client, core.merged_person, core.merged_company.
with links as (
    select a.contact_id, coalesce(m.merged_into, a.company_id) as company_id, a.is_primary
    from staging.hubspot_contact_company as a
    left join core.merged_company as m using (company_id)
    where a.company_id is not null
),

companies as (
    select
        contact_id,
        arg_min(company_id, (not is_primary, try_cast(company_id as hugeint), company_id)) as company_id
    from links
    group by contact_id
),

-- Where there is no association, the contact's own field says the company.
employers as (
    select c.contact_id, coalesce(a.company_id, m.merged_into, c.company_id) as company_id
    from staging.hubspot_contact as c
    left join companies as a using (contact_id)
    left join core.merged_company as m on m.company_id = c.company_id
),

addresses as (
    select contact_id, lower(email) as email from staging.hubspot_contact where email is not null
    union
    select contact_id, lower(unnest(other_emails)) as email from staging.hubspot_contact
),

-- Whoever refused in one place has refused: the strictest answer wins.
refusals as (
    select email from staging.mailchimp_member where status = 'unsubscribed' and email is not null
    union
    select email from staging.intercom_contact where unsubscribed and email is not null
),

refusing as (
    select contact_id from staging.hubspot_contact where opted_out
    union
    select a.contact_id
    from addresses as a
    inner join refusals using (email)
),

-- What one who was merged away refused, the same person refuses in the contact that stayed.
refusing_people as (
    select contact_id from refusing
    union
    select m.merged_into as contact_id
    from refusing as r
    inner join core.merged_person as m on m.person_id = r.contact_id
)

select
    c.contact_id as person_id,
    e.company_id,
    k.client_id,
    lower(c.email) as email,
    list_transform(c.other_emails, lambda x: lower(x)) as other_emails,
    c.first_name,
    c.last_name,
    coalesce(c.language, k.language) as language,
    c.contact_id in (select contact_id from refusing_people) as opted_out,
    c.contact_id in (select main_person_id from core.client where main_person_id is not null) as is_main,
    c.stage,
    c.lead_status,
    c.owner_id,
    c.created_at,
    c.archived,
    m.merged_into
from staging.hubspot_contact as c
left join employers as e using (contact_id)
left join core.client as k on k.client_id = e.company_id
left join core.merged_person as m on m.person_id = c.contact_id
