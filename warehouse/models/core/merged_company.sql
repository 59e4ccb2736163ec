-- Companies that were merged away, and the one that each of them lives on in.
-- Grain: company_id. Owner: customer success. Reads: core.merged_record.
select record_id as company_id, merged_into
from core.merged_record
where kind = 'company'
