-- The fixed tables of warehouse.duckdb. raw.* and staging.* are created by merge and build.
create schema if not exists raw;
create schema if not exists staging;
create schema if not exists quality;
create schema if not exists meta;

-- One row per landing run that is in raw; its presence makes a second merge add nothing.
create table if not exists meta.merged_run (
    source varchar not null,
    resource varchar not null,
    run_id varchar not null,
    seen bigint not null,
    added bigint not null,
    rejected bigint not null,
    merged_at timestamptz not null,
    size bigint
);
alter table meta.merged_run add column if not exists size bigint;

create table if not exists meta.cursor (
    source varchar not null,
    resource varchar not null,
    cursor_at timestamptz not null,
    run_id varchar not null,
    settled_at timestamptz,
    swept_at timestamptz,
    parent_seq bigint
);
alter table meta.cursor add column if not exists settled_at timestamptz;
alter table meta.cursor add column if not exists swept_at timestamptz;
alter table meta.cursor add column if not exists parent_seq bigint;

-- Up to which place in raw.<source>_events the vendor's own events were acted on.
create table if not exists meta.event_cursor (
    source varchar not null,
    acted_seq bigint not null
);

create table if not exists meta.source_status (
    source varchar not null,
    state varchar not null,
    reason varchar,
    finished_at timestamptz,
    good_until timestamptz
);

-- How the last read of each resource ended; total is the vendor's own count of it, given what came.
create table if not exists meta.resource_status (
    source varchar not null,
    resource varchar not null,
    state varchar not null,
    reason varchar,
    total bigint,
    given bigint,
    finished_at timestamptz,
    good_until timestamptz
);

create table if not exists meta.identity (
    source varchar not null,
    account_id varchar not null
);

-- What each staging table was built from, so that an unchanged one is not built again.
create table if not exists meta.staging_built (
    model varchar not null,
    inputs varchar not null,
    digest varchar,
    raw_seq bigint
);
alter table meta.staging_built add column if not exists digest varchar;
alter table meta.staging_built add column if not exists raw_seq bigint;

-- Why a source keeps its last good staging tables; no row means that it does not.
create table if not exists meta.audit_failed (
    source varchar not null,
    reason varchar not null
);

-- Until when each source was whole at its last good staging build.
create table if not exists meta.source_good (
    source varchar not null,
    good_until timestamptz
);

-- What each bank line is, found by comparing (warehouse/matching.py): one row per movement and other side.
create table if not exists meta.match (
    movement_key varchar not null,
    kind varchar not null,
    other_key varchar,
    amount decimal(18, 4) not null,
    explanation varchar not null,
    matched_at timestamptz not null
);

-- Bank lines that could be several things of the same kind: nobody guesses, a person decides.
create table if not exists meta.match_ambiguous (
    movement_key varchar not null,
    kind varchar not null,
    candidates bigint not null,
    explanation varchar not null,
    matched_at timestamptz not null
);

-- What the matches were made from, so that unchanged records are not compared again.
create table if not exists meta.match_made (
    inputs varchar not null
);

-- The account of each bank line, with the step that decided it (tasks/categorise.py).
create table if not exists meta.category (
    movement_key varchar not null,
    account varchar,
    step tinyint not null,
    source varchar,
    rule varchar,
    confidence double,
    explanation varchar,
    version varchar,
    decided_at timestamptz not null
);

-- Values and records that could not be read; model is null for a record without a key.
create table if not exists quality.rejected (
    source varchar not null,
    resource varchar not null,
    model varchar,
    run_id varchar,
    key varchar,
    field varchar not null,
    raw_value varchar,
    reason varchar not null
);

-- Fields that no model lists; `records` is how many were seen to carry it when it was last looked for in all,
-- or more since.
create table if not exists quality.drift (
    source varchar not null,
    resource varchar not null,
    model varchar not null,
    field varchar not null,
    records bigint not null
);

create table if not exists quality.quarantine (
    build_id varchar not null,
    model varchar not null,
    expectation varchar not null,
    severity varchar not null,
    bad_row json not null
);

create table if not exists quality.staging_result (
    model varchar not null,
    expectation varchar not null,
    severity varchar not null,
    status varchar not null,
    violations bigint,
    rows bigint,
    why varchar not null,
    do_next varchar not null,
    error varchar
);
