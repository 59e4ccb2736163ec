-- The team as the playbook tells it.
-- Grain: employee_id. Owner: operations. Reads: playbook.team.
select
    id as employee_id,
    role,
    fte,
    starts_at,
    ends_at,
    monthly_cost,
    direct,
    acquisition
from playbook.team
