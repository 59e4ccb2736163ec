-- Conversations that somebody deleted in Intercom.
-- Grain: conversation_id. Owner: support. Reads: raw.intercom_deleted_conversations_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body, '{"id": "VARCHAR", "deleted_at": "VARCHAR", "metrics_retained": "VARCHAR"}'
        ) as r
    from raw.intercom_deleted_conversations_current
)

select
    coalesce(nullif(r.id, ''), key) as conversation_id,
    to_timestamp(try_cast(r.deleted_at as bigint)) as deleted_at,
    coalesce(try_cast(r.metrics_retained as boolean), false) as metrics_retained,
    received_at
from records
