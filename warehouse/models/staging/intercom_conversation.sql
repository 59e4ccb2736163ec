-- Intercom conversations as they stand now, without their parts.
-- Grain: conversation_id. Owner: support. Reads: raw.intercom_conversations_current.
with records as (
    select
        key,
        received_at,
        run_id,
        list_filter(
            ['conversation_parts', 'contacts', 'tags'],
            lambda x: json_extract(body, '$.' || x) is null
        ) as absent,
        json_extract(body, '$.custom_attributes') as custom_attributes,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "title": "VARCHAR", "state": "VARCHAR", "created_at": "VARCHAR",
              "updated_at": "VARCHAR", "team_assignee_id": "VARCHAR", "admin_assignee_id": "VARCHAR",
              "assignee": {"id": "VARCHAR", "type": "VARCHAR"},
              "source": {"subject": "VARCHAR", "body": "VARCHAR",
               "author": {"type": "VARCHAR", "id": "VARCHAR", "email": "VARCHAR"}},
              "contacts": {"contacts": [{"id": "VARCHAR", "external_id": "VARCHAR"}]},
              "tags": {"tags": [{"id": "VARCHAR", "name": "VARCHAR"}]},
              "conversation_rating": {"rating": "VARCHAR", "remark": "VARCHAR", "created_at": "VARCHAR",
               "updated_at": "VARCHAR"},
              "conversation_parts": {"total_count": "VARCHAR"}}'
        ) as r
    from raw.intercom_conversations_current
)

select
    coalesce(nullif(r.id, ''), key) as conversation_id,
    coalesce(nullif(trim(r.title), ''), nullif(trim(r.source.subject), '')) as subject,
    nullif(trim(r.state), '') as state,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    nullif(r.contacts.contacts[1].id, '') as contact_id,
    nullif(r.contacts.contacts[1].external_id, '') as external_id,
    nullif(r.source.author.type, '') as author_kind,
    lower(nullif(trim(r.source.author.email), '')) as author_email,
    coalesce(nullif(r.team_assignee_id, ''), if(r.assignee.type = 'team', nullif(r.assignee.id, ''), null)) as team_id,
    coalesce(
        nullif(r.admin_assignee_id, ''), if(r.assignee.type = 'admin', nullif(r.assignee.id, ''), null)
    ) as admin_id,
    coalesce(list_transform(r.tags.tags, lambda x: lower(trim(x.name))), []::varchar[]) as tags,
    try_cast(r.conversation_rating.rating as integer) as rating,
    nullif(trim(r.conversation_rating.remark), '') as remark,
    to_timestamp(
        coalesce(
            try_cast(r.conversation_rating.updated_at as bigint),
            try_cast(r.conversation_rating.created_at as bigint)
        )
    ) as rated_at,
    try_cast(r.conversation_parts.total_count as integer) as part_count,
    try_cast(r.gone_at as timestamptz) as gone_at,
    custom_attributes,
    run_id,
    absent,
    received_at
from records
