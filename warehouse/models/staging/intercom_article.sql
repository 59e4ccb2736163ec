-- Intercom articles as they stand now.
-- Grain: article_id. Owner: support. Reads: raw.intercom_articles_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "title": "VARCHAR", "description": "VARCHAR", "body": "VARCHAR",
              "state": "VARCHAR", "url": "VARCHAR", "default_locale": "VARCHAR",
              "created_at": "VARCHAR", "updated_at": "VARCHAR"}'
        ) as r
    from raw.intercom_articles_current
)

select
    coalesce(nullif(r.id, ''), key) as article_id,
    nullif(trim(r.title), '') as title,
    nullif(trim(r.description), '') as description,
    nullif(trim(r.body), '') as body,
    nullif(trim(r.state), '') as state,
    nullif(trim(r.url), '') as url,
    nullif(trim(r.default_locale), '') as language,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
