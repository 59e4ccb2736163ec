-- Contacts that were merged away, and the one that each of them lives on in.
-- Grain: person_id. Owner: customer success. Reads: core.merged_record.
select record_id as person_id, merged_into
from core.merged_record
where kind = 'contact'
