-- People, as HubSpot knows them; archived and merged ones stay, flagged.
-- Grain: person_id. Owner: customer success. Reads: staging.hubspot_contact, hubspot_contact_company,
-- intercom_contact, mailchimp_member, core.client.
with companies as (
    select
        contact_id,
        arg_min(company_id, (not is_primary, try_cast(company_id as hugeint), company_id)) as company_id
    from staging.hubspot_contact_company
    where company_id is not null
    group by contact_id
),

merges as (
    select unnest(merged_ids) as contact_id, contact_id as merged_into from staging.hubspot_contact
),

-- Whoever refused in one place has refused: the strictest answer wins.
refusals as (
    select email from staging.mailchimp_member where status = 'unsubscribed' and email is not null
    union
    select email from staging.intercom_contact where unsubscribed and email is not null
)

select
    c.contact_id as person_id,
    coalesce(a.company_id, c.company_id) as company_id,
    k.client_id,
    lower(c.email) as email,
    c.first_name,
    c.last_name,
    coalesce(c.language, k.language) as language,
    coalesce(c.opted_out, false) or lower(c.email) in (select email from refusals) as opted_out,
    c.contact_id in (select main_person_id from core.client where main_person_id is not null) as is_main,
    c.stage,
    c.lead_status,
    c.owner_id,
    c.created_at,
    c.archived,
    m.merged_into
from staging.hubspot_contact as c
left join companies as a using (contact_id)
left join core.client as k on k.client_id = coalesce(a.company_id, c.company_id)
left join (select contact_id, min(merged_into) as merged_into from merges group by contact_id) as m using (contact_id)
