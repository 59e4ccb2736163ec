-- The clocks of the SLA: a first answer per level reached, and one resolution per conversation.
-- Grain: conversation_id, level, clock. Owner: support. Reads: core.conversation, core.conversation_level,
-- core.conversation_pause, playbook.sla, playbook.calendar_period, build.run.
--
-- Counted time is microseconds in which the calendar is open and the conversation is not snoozed. A clock runs in
-- stretches: from its start to the first pause, from each pause's end to the next one. For each calendar,
-- opened(t) = open time before t; a stretch holds opened(end) - opened(start). Due is the earliest instant at which
-- the stretches add up to the target, found by reading opened() backwards.
with policies as (
    select
        level,
        calendar,
        cast(first_answer_minutes as bigint) * 60000000 as first_answer_us,
        cast(resolution_minutes as bigint) * 60000000 as resolution_us
    from playbook.sla
),

openings as (
    select
        calendar,
        starts_at,
        epoch_us(starts_at) as starts_us,
        epoch_us(ends_at) - epoch_us(starts_at) as length_us,
        cast(minutes_before as bigint) * 60000000 as before_us
    from playbook.calendar_period
),

clocks as (
    select
        c.conversation_id,
        c.client_id,
        v.level,
        'first_answer' as clock,
        p.calendar,
        p.first_answer_us as target_us,
        v.started_at,
        v.answered_at as stopped_at
    from core.conversation as c
    inner join core.conversation_level as v using (conversation_id)
    inner join policies as p on p.level = v.level
    where not c.excluded
    union all
    select
        c.conversation_id,
        c.client_id,
        c.level,
        'resolution',
        p.calendar,
        p.resolution_us,
        c.created_at,
        c.resolved_at
    from core.conversation as c
    inner join policies as p on p.level = c.level
    where not c.excluded
),

halts as (
    -- Where a stretch begins, and the pause that ended the stretch before it.
    select conversation_id, level, clock, calendar, started_at as resumed_at, null as paused_at
    from clocks
    union all
    select c.conversation_id, c.level, c.clock, c.calendar, p.ends_at, p.starts_at
    from clocks as c
    inner join core.conversation_pause as p
        on p.conversation_id = c.conversation_id and (p.ends_at is null or p.ends_at > c.started_at)
),

stretches as (
    select
        conversation_id,
        level,
        clock,
        calendar,
        resumed_at,
        lead(paused_at) over (
            partition by conversation_id, level, clock order by resumed_at nulls last, paused_at nulls first
        ) as halted_at
    from halts
    -- A pause that nobody ended has no stretch after it, but it does end the one before: hence the filter last.
    qualify resumed_at is not null
),

instants as (
    select distinct calendar, resumed_at as opened_at from stretches
    union
    select distinct calendar, halted_at from stretches where halted_at is not null
),

opened as (
    select
        i.calendar,
        i.opened_at,
        coalesce(o.before_us + least(epoch_us(i.opened_at) - o.starts_us, o.length_us), 0) as opened_us
    from instants as i
    asof left join openings as o on o.calendar = i.calendar and o.starts_at <= i.opened_at
),

lengths as (
    select
        s.conversation_id,
        s.level,
        s.clock,
        s.calendar,
        s.resumed_at,
        a.opened_us as from_us,
        -- The clock may have started inside a pause, which makes its first stretch shorter than nothing.
        if(s.halted_at is null, null, greatest(b.opened_us - a.opened_us, 0)) as length_us
    from stretches as s
    inner join opened as a on a.calendar = s.calendar and a.opened_at = s.resumed_at
    left join opened as b on b.calendar = s.calendar and b.opened_at = s.halted_at
),

sums as (
    select
        *,
        coalesce(sum(length_us) over (
            partition by conversation_id, level, clock
            order by resumed_at
            rows between unbounded preceding and 1 preceding
        ), 0) as counted_us
    from lengths
),

dues as (
    select
        c.conversation_id,
        c.level,
        c.clock,
        c.calendar,
        cast(s.from_us + c.target_us - s.counted_us as bigint) as due_us
    from clocks as c
    inner join sums as s using (conversation_id, level, clock)
    where s.counted_us < c.target_us and (s.length_us is null or s.counted_us + s.length_us >= c.target_us)
),

due_instants as (
    select
        d.conversation_id,
        d.level,
        d.clock,
        -- Past the last opening that the calendar lists, nothing is known, so nothing is due.
        if(
            d.due_us <= o.before_us + o.length_us,
            o.starts_at + to_microseconds(d.due_us - o.before_us),
            null
        ) as due_at
    from dues as d
    -- Strictly before: a target that is reached exactly at closing time is due then, not at the next opening.
    asof inner join openings as o on o.calendar = d.calendar and o.before_us < d.due_us
),

verdicts as (
    select
        c.conversation_id,
        c.client_id,
        c.level,
        c.clock,
        c.started_at,
        cast(c.target_us // 60000000 as integer) as target_minutes,
        d.due_at,
        c.stopped_at,
        c.stopped_at is not null and (d.due_at is null or c.stopped_at <= d.due_at) as in_time,
        coalesce(d.due_at <= r.as_of, false) as is_over
    from clocks as c
    cross join build.run as r
    left join due_instants as d using (conversation_id, level, clock)
)

select
    conversation_id,
    client_id,
    level,
    clock,
    started_at,
    target_minutes,
    due_at,
    stopped_at,
    case when in_time then stopped_at when is_over then due_at end as decided_at,
    case when in_time then true when is_over then false end as hit
from verdicts
