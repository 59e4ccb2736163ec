-- Contacts that were merged away, and the one that each of them lives on in.
-- Grain: person_id. Owner: customer success. Reads: staging.hubspot_contact.
--
-- Only the contact that stays tells of a merge, so one that was created and merged between two reads is here
-- and in no other model; and one that was merged several times is followed to the end.
with recursive merges as (
    select distinct person_id, merged_into
    from (select unnest(merged_ids) as person_id, contact_id as merged_into from staging.hubspot_contact)
    where person_id <> merged_into
),

ways as (
    select person_id, merged_into from merges
    union
    select w.person_id, m.merged_into
    from ways as w
    inner join merges as m on m.person_id = w.merged_into
)

select person_id, min(merged_into) as merged_into
from ways
where merged_into not in (select person_id from merges)
group by person_id
