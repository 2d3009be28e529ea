-- Organisations, members and keys --------------------------------------------------------------------------------
create table orgs (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  slug text unique not null,
  plan text not null default 'free' check (plan in ('free', 'pro', 'enterprise')),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create table workspaces (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  name text not null,
  outcome_yaml_path text,
  outcome_file jsonb,
  slack_team_id text,
  default_channel text,
  created_at timestamptz not null default now(),
  unique (org_id, name), unique (id, org_id)
);
create table members (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  name text not null,
  email text not null,
  role text not null default 'member' check (role in ('owner', 'admin', 'member', 'viewer')),
  slack_user_id text,
  timezone text not null default 'UTC',
  away_until timestamptz,
  created_at timestamptz not null default now(),
  unique (org_id, email), unique (org_id, slack_user_id), unique (id, org_id)
);
create table keys (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  kind text not null check (kind in ('agent', 'ingest', 'read', 'member')),
  name text not null,
  member_id uuid,
  experiment_id uuid,
  shown text not null,
  token_hash text unique not null,
  sealed_secret text,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  unique (id, org_id),
  foreign key (member_id, org_id) references members (id, org_id)
);
create table secrets (
  org_id uuid not null references orgs(id),
  name text not null,
  sealed text not null,
  updated_at timestamptz not null default now(),
  primary key (org_id, name)
);
create table llm_provider_configs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  provider text not null check (provider in ('anthropic', 'openai', 'perplexity')),
  auth_mode text not null check (auth_mode in ('api_key', 'oauth_account')),
  encrypted_api_key text,
  key_hint text,
  oauth_access_token text,
  oauth_refresh_token text,
  oauth_expires_at timestamptz,
  oauth_scopes text[],
  account_email text,
  preferred_model text,
  fallback_model text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table llm_calls (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  purpose text not null,
  provider text not null,
  model text not null,
  auth_mode text not null,
  input_tokens integer not null default 0,
  output_tokens integer not null default 0,
  latency_ms integer not null default 0,
  attempts integer not null default 1,
  outcome text not null,
  created_at timestamptz not null default now()
);

-- Outcomes and experiments ---------------------------------------------------------------------------------------
create table outcomes (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
  title text not null,
  description text,
  status text not null default 'draft' check (status in ('draft', 'active', 'achieved', 'abandoned', 'expired')),
  primary_signal jsonb not null,
  secondary_signals jsonb[] not null default '{}',
  target jsonb not null,
  constraints jsonb not null default '[]',
  max_concurrent_experiments integer not null default 3,
  horizon interval not null,
  deadline timestamptz,
  owner text not null,
  team_members text[] not null default '{}',
  spec jsonb not null default '{}',
  version integer not null default 1,
  org_id uuid not null references orgs(id),
  workspace_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  activated_at timestamptz,
  achieved_at timestamptz,
  ended_at timestamptz,
  unique (org_id, slug), unique (id, org_id),
  foreign key (workspace_id, org_id) references workspaces (id, org_id)
);
create table experiments (
  id uuid primary key default gen_random_uuid(),
  outcome_id uuid not null,
  title text not null,
  hypothesis text not null,
  mechanism text not null,
  prediction jsonb not null,
  intervention jsonb not null,
  measurement_plan jsonb not null,
  rollout_plan jsonb not null,
  baseline_value numeric,
  baseline_captured_at timestamptz,
  generated_by text not null,
  agent_id text,
  agent_runtime text,
  feature_flag_key text,
  status text not null default 'hypothesis' check (status in ('hypothesis', 'awaiting_portfolio_gate', 'building',
    'awaiting_launch_gate', 'running', 'measuring', 'awaiting_analysis_gate', 'scaling', 'awaiting_scale_gate',
    'killed', 'shipped', 'failed_build', 'paused')),
  current_result jsonb,
  final_result jsonb,
  learnings text,
  draft jsonb not null default '{}',
  plan jsonb,
  plan_digest text,
  memory jsonb,
  build_report jsonb,
  rollout_percent integer not null default 0 check (rollout_percent between 0 and 100),
  rollout_cap integer check (rollout_cap between 0 and 100),
  data_from timestamptz,
  extended_days double precision not null default 0,
  paused_from text,
  pause_reason text,
  version integer not null default 1,
  org_id uuid not null references orgs(id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  launched_at timestamptz,
  concluded_at timestamptz,
  unique (id, org_id), unique (org_id, feature_flag_key),
  foreign key (outcome_id, org_id) references outcomes (id, org_id)
);
create index on experiments (outcome_id, status);
create table experiment_phases (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  experiment_id uuid not null,
  position integer not null,
  share_treatment double precision not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  reason text not null,
  unique (experiment_id, position),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);
create table agent_runs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  experiment_id uuid not null,
  target text not null,
  state text not null default 'queued' check (state in
    ('queued', 'dispatched', 'running', 'needs_input', 'succeeded', 'failed', 'cancelled', 'timed_out')),
  external_id text,
  external_url text,
  attempt integer not null default 1,
  detail text,
  heartbeat_at timestamptz,
  deadline timestamptz,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);
create index on agent_runs (experiment_id);

-- Measurement ----------------------------------------------------------------------------------------------------
do $do$ begin
  if exists (select 1 from pg_available_extensions where name = 'timescaledb')
     and current_setting('shared_preload_libraries', true) like '%timescaledb%' then
    create extension if not exists timescaledb;
  end if;
end $do$;
do $do$
declare
  hyper boolean := exists (select 1 from pg_extension where extname = 'timescaledb');
  ddl text := 'create table signal_measurements (
    time timestamptz not null,
    window_from timestamptz not null,
    outcome_id uuid,
    experiment_id uuid,
    signal_name text not null,
    variant text not null default '''',
    phase integer not null default 0,
    kind text not null default ''delta'' check (kind in (''delta'', ''cumulative'', ''level'')),
    value numeric not null,
    sample_size bigint,
    total numeric, total_sq numeric,
    total_x numeric, total_x_sq numeric, total_xy numeric,
    beyond_limit bigint,
    segment jsonb not null default ''{}'',
    segment_key text not null default '''',
    source text not null,
    raw_response jsonb,
    org_id uuid not null references orgs(id),
    updated_at timestamptz not null default now(),
    foreign key (outcome_id, org_id) references outcomes (id, org_id),
    foreign key (experiment_id, org_id) references experiments (id, org_id)
  )';
begin
  if hyper then
    execute ddl;
    perform create_hypertable('signal_measurements', 'time');
  else
    execute ddl || ' partition by range (time)';
    execute 'create table signal_measurements_default partition of signal_measurements default';
  end if;
end $do$;
create unique index signal_measurements_once on signal_measurements
  (org_id, outcome_id, experiment_id, signal_name, variant, phase, kind, segment_key, time) nulls not distinct;
create index on signal_measurements (outcome_id, experiment_id, time desc);
create index on signal_measurements using brin (time);

create function ensure_measurement_partitions(around timestamptz) returns integer language plpgsql security definer
set search_path = public as $fn$
declare
  month timestamptz; made integer := 0; part text;
begin
  if exists (select 1 from pg_extension where extname = 'timescaledb') then return 0; end if;
  for month in select date_trunc('month', around, 'UTC') + make_interval(months => i) from generate_series(-1, 2) i loop
    part := 'signal_measurements_' || to_char(month at time zone 'UTC', 'YYYY_MM');
    if to_regclass(part) is null and not exists (select 1 from signal_measurements_default
        where time >= month and time < month + interval '1 month') then
      execute format('create table %I partition of signal_measurements for values from (%L) to (%L)',
        part, month, month + interval '1 month');
      execute format('alter table %I enable row level security', part);
      made := made + 1;
    end if;
  end loop;
  return made;
end $fn$;

create table ingested_points (
  org_id uuid not null references orgs(id),
  experiment_key text not null,
  signal_name text not null,
  variant text not null check (variant in ('', 'control', 'treatment')),
  kind text not null check (kind in ('delta', 'cumulative')),
  window_from timestamptz not null,
  window_to timestamptz not null,
  n bigint not null check (n >= 0),
  total numeric not null,
  total_sq numeric not null,
  beyond_limit bigint,
  key_id uuid,
  received_at timestamptz not null default now(),
  primary key (org_id, experiment_key, signal_name, variant, kind, window_from, window_to)
);
create table looks (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  experiment_id uuid not null,
  signal_name text not null,
  data_through timestamptz not null,
  taken_at timestamptz not null default now(),
  result jsonb not null,
  unique (experiment_id, signal_name, data_through),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);
create table snapshots (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  outcome_id uuid,
  experiment_id uuid,
  kind text not null,
  data jsonb not null,
  digest text not null,
  data_through timestamptz,
  created_at timestamptz not null default now(),
  unique (id, org_id),
  foreign key (outcome_id, org_id) references outcomes (id, org_id),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);

-- Gates ----------------------------------------------------------------------------------------------------------
create table human_gates (
  id uuid primary key default gen_random_uuid(),
  experiment_id uuid,
  outcome_id uuid not null,
  gate_type text not null check (gate_type in ('portfolio_review', 'launch_approval', 'analysis_review',
    'scale_approval', 'ship_approval', 'change_review', 'resume_review', 'agent_question')),
  context_package jsonb not null,
  question text not null,
  signal_snapshot jsonb,
  snapshot_id uuid,
  options jsonb,
  assigned_to text not null,
  escalation_chain text[] not null default '{}',
  chain_position integer not null default 0,
  sla_hours double precision not null default 24,
  due_at timestamptz not null,
  channel text not null,
  status text not null default 'pending' check (status in
    ('pending', 'approved', 'rejected', 'approved_with_conditions', 'delegated', 'timed_out')),
  choice text,
  conditions text[],
  selection jsonb,
  response_note text,
  decided_by text,
  decided_via text,
  delegated_to text,
  evidence jsonb not null default '{}',
  evidence_hash text not null,
  version integer not null default 1,
  clock_version integer not null default 1,
  reopens uuid,
  notification_sent_at timestamptz,
  reminder_sent_at timestamptz,
  created_at timestamptz not null default now(),
  responded_at timestamptz,
  org_id uuid not null references orgs(id),
  unique (id, org_id),
  foreign key (outcome_id, org_id) references outcomes (id, org_id),
  foreign key (experiment_id, org_id) references experiments (id, org_id),
  foreign key (snapshot_id, org_id) references snapshots (id, org_id)
);
create index on human_gates (org_id, status, due_at);
-- One open gate of a kind for one thing at a time: a retried opening finds the first one instead of asking twice.
create unique index human_gates_one_open on human_gates (org_id, outcome_id, experiment_id, gate_type) nulls not distinct
  where status in ('pending', 'delegated') and gate_type <> 'agent_question';

-- Learnings ------------------------------------------------------------------------------------------------------
create table learnings (
  id uuid primary key default gen_random_uuid(),
  experiment_id uuid,
  outcome_id uuid,
  finding text not null,
  finding_type text not null check (finding_type in ('confirmed_hypothesis', 'refuted_hypothesis', 'unexpected_effect',
    'segment_insight', 'constraint_discovered', 'methodology_learning')),
  signal_evidence jsonb,
  confidence numeric check (confidence between 0 and 1),
  applies_to text[] not null default '{}',
  embedding vector(1536),
  embedding_model text,
  words tsvector generated always as (to_tsvector('english', finding)) stored,
  org_id uuid not null references orgs(id),
  created_at timestamptz not null default now(),
  unique nulls distinct (experiment_id),
  foreign key (outcome_id, org_id) references outcomes (id, org_id),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);
create index on learnings using hnsw (embedding vector_cosine_ops);
create index on learnings using gin (words);

-- Journal, outbox, deliveries, timers, inbound -------------------------------------------------------------------
create table journal (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  seq bigint not null,
  at timestamptz not null default clock_timestamp(),
  event text not null,
  actor text not null,
  actor_kind text not null check (actor_kind in ('human', 'agent', 'system')),
  subject_kind text not null,
  subject_id uuid,
  payload jsonb not null default '{}',
  previous_hash text not null,
  hash text not null,
  unique (org_id, seq)
);
create index on journal (org_id, subject_id);
create function journal_digest(j journal) returns text language sql immutable as $fn$
  select encode(sha256(convert_to(concat_ws('|', j.org_id::text, j.seq::text, extract(epoch from j.at)::text, j.event, j.actor,
    j.actor_kind, j.subject_kind, coalesce(j.subject_id::text, ''), j.payload::text, j.previous_hash), 'UTF8')), 'hex')
$fn$;
create function journal_chain() returns trigger language plpgsql as $fn$
declare last record;
begin
  perform pg_advisory_xact_lock(hashtextextended('journal' || new.org_id::text, 0));
  select seq, hash into last from journal where org_id = new.org_id order by seq desc limit 1;
  new.seq := coalesce(last.seq, 0) + 1;
  new.previous_hash := coalesce(last.hash, '');
  new.hash := journal_digest(new);
  return new;
end $fn$;
create trigger journal_chain before insert on journal for each row execute function journal_chain();
create function append_only() returns trigger language plpgsql as $fn$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $fn$;
create trigger journal_append_only before update or delete or truncate on journal
  for each statement execute function append_only();
create trigger snapshots_append_only before update or delete or truncate on snapshots
  for each statement execute function append_only();
create function journal_broken_at() returns bigint language sql stable as $fn$
  select min(seq) from (
    select j.seq, j.hash = journal_digest(j)
      and j.previous_hash = coalesce(lag(j.hash) over (order by j.seq), '')
      and j.seq = row_number() over (order by j.seq) as sound
    from journal j) checked
  where not sound
$fn$;

create table outbox (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  batch uuid not null,
  position integer not null,
  kind text not null check (kind in ('effect', 'notice')),
  name text not null,
  subject_id uuid,
  channel text,
  place text,
  payload jsonb not null default '{}',
  dedupe text not null,
  status text not null default 'due' check (status in ('due', 'done', 'dead')),
  attempts integer not null default 0,
  available_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  done_at timestamptz,
  unique (org_id, dedupe)
);
create index outbox_due on outbox (available_at) where status = 'due';
create index on outbox (batch);
create function outbox_wake() returns trigger language plpgsql as $fn$
begin perform pg_notify('outbox', ''); return null; end $fn$;
create trigger outbox_wake after insert on outbox for each statement execute function outbox_wake();

create table deliveries (
  org_id uuid not null references orgs(id),
  subject_kind text not null,
  subject_id uuid not null,
  channel text not null,
  place text not null,
  external_id text,
  external_place text,
  details jsonb not null default '{}',
  intended_at timestamptz not null default clock_timestamp(),
  delivered_at timestamptz,
  primary key (org_id, subject_kind, subject_id, channel, place)
);
create index on deliveries (org_id, channel, external_place, external_id);
create table timers (
  id bigint generated always as identity primary key,
  org_id uuid not null references orgs(id),
  kind text not null,
  subject_id uuid not null,
  version integer not null,
  due_at timestamptz not null,
  status text not null default 'armed' check (status in ('armed', 'done', 'disarmed')),
  lease_until timestamptz,
  attempts integer not null default 0,
  fired_at timestamptz,
  unique (org_id, kind, subject_id, version)
);
create index timers_due on timers (due_at) where status = 'armed';
create table inbound_events (
  org_id uuid not null references orgs(id),
  source text not null,
  external_id text not null,
  digest text not null default '',
  answer jsonb,
  received_at timestamptz not null default now(),
  primary key (org_id, source, external_id)
);

-- What a process may ask before it knows the organisation: ids only, by functions of the owner ---------------------
create function org_ids() returns setof uuid language sql stable security definer set search_path = public as
  $fn$ select id from orgs order by created_at $fn$;
create function org_by_slug(wanted text) returns uuid language sql stable security definer set search_path = public as
  $fn$ select id from orgs where slug = wanted $fn$;
create function org_by_key(wanted_hash text) returns table (org_id uuid, key_id uuid) language sql stable security definer
  set search_path = public as $fn$ select org_id, id from keys where token_hash = wanted_hash $fn$;
create function org_by_key_id(wanted uuid) returns uuid language sql stable security definer
  set search_path = public as $fn$ select org_id from keys where id = wanted $fn$;
create function claim_outbox(lease interval, most integer) returns table (org_id uuid, batch uuid) language sql volatile
  security definer set search_path = public as $fn$
  with due as (
    select o.id from outbox o
    where o.status = 'due' and o.available_at <= clock_timestamp() and (o.lease_until is null or o.lease_until < clock_timestamp())
    order by o.kind, o.available_at limit most for update skip locked),
  claimed as (update outbox o set lease_until = clock_timestamp() + lease from due where o.id = due.id returning o.org_id, o.batch)
  select distinct org_id, batch from claimed
$fn$;
create function claim_timers(at timestamptz, lease interval, most integer) returns table (org_id uuid, id bigint, kind text)
  language sql volatile security definer set search_path = public as $fn$
  with due as (
    select t.id from timers t
    where t.status = 'armed' and t.due_at <= at and (t.lease_until is null or t.lease_until < clock_timestamp())
    order by t.due_at limit most for update skip locked)
  update timers t set lease_until = clock_timestamp() + lease, attempts = attempts + 1
  from due where t.id = due.id returning t.org_id, t.id, t.kind
$fn$;

-- Walls between organisations --------------------------------------------------------------------------------------
do $do$
declare t text;
begin
  if not exists (select 1 from pg_roles where rolname = 'outcome_app') then
    create role outcome_app nologin nosuperuser nobypassrls nocreatedb nocreaterole;
  end if;
  execute format('grant usage on schema public to outcome_app');
  if not pg_has_role(current_user, 'outcome_app', 'member') then execute format('grant outcome_app to %I', current_user); end if;
  for t in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname not in ('alembic_version') loop
    execute format('alter table %I enable row level security', t);
    if t <> 'signal_measurements_default' then
      execute format('grant select, insert, update, delete on %I to outcome_app', t);
      execute format('create policy tenant on %I using (%s = nullif(current_setting(''app.org_id'', true), '''')::uuid)
        with check (%s = nullif(current_setting(''app.org_id'', true), '''')::uuid)', t,
        case t when 'orgs' then 'id' else 'org_id' end, case t when 'orgs' then 'id' else 'org_id' end);
    end if;
  end loop;
end $do$;
revoke update, delete on journal, snapshots from outcome_app;
revoke delete on orgs, members, outcomes, experiments, human_gates, learnings, signal_measurements, looks, keys from outcome_app;
revoke execute on function org_ids(), org_by_slug(text), org_by_key(text), org_by_key_id(uuid), claim_outbox(interval, integer),
  claim_timers(timestamptz, interval, integer), ensure_measurement_partitions(timestamptz) from public;
grant execute on function org_ids(), org_by_slug(text), org_by_key(text), org_by_key_id(uuid), claim_outbox(interval, integer),
  claim_timers(timestamptz, interval, integer), ensure_measurement_partitions(timestamptz) to outcome_app;
