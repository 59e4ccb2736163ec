-- The latest survey answer of each company; HubSpot keeps no earlier one.
-- Grain: company_id. Owner: customer success. Reads: staging.hubspot_company, core.client, core.merged_company.
select
    c.company_id,
    k.client_id,
    c.survey_csat as csat,
    c.survey_nps as nps,
    c.survey_answered_at as answered_at
from staging.hubspot_company as c
left join core.client as k on k.client_id = c.company_id
where
    c.survey_answered_at is not null
    -- What a company that was merged away answered, the one that stayed has too.
    and c.company_id not in (select company_id from core.merged_company)
