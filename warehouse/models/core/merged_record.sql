-- HubSpot records that were merged away, and the one that each of them lives on in.
-- Grain: kind, record_id. Owner: customer success. Reads: staging.hubspot_company, hubspot_contact, hubspot_deal,
-- hubspot_ticket.
--
-- Only the record that stays tells of a merge, so one that was created and merged between two reads is here and
-- nowhere else; and one that was merged several times is followed to the end. A merge may also give the record
-- that stays a new id: both old ones are then merged away.
with recursive tellings as (
    select 'company' as kind, unnest(merged_ids) as record_id, company_id as merged_into from staging.hubspot_company
    union all
    select 'contact', unnest(merged_ids), contact_id from staging.hubspot_contact
    union all
    select 'deal', unnest(merged_ids), deal_id from staging.hubspot_deal
    union all
    select 'ticket', unnest(merged_ids), ticket_id from staging.hubspot_ticket
),

merges as (
    select distinct kind, record_id, merged_into from tellings where record_id <> merged_into
),

ways as (
    select kind, record_id, merged_into from merges
    union
    select w.kind, w.record_id, m.merged_into
    from ways as w
    inner join merges as m on m.kind = w.kind and m.record_id = w.merged_into
)

select kind, record_id, min(merged_into) as merged_into
from ways
where (kind, merged_into) not in (select (kind, record_id) from merges)
group by kind, record_id
