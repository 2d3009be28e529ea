-- Rows as they were posted, one of an event id. No foreign keys: a row is checked against its batch, and its batch has them.
create table ingested_rows (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  month date not null,
  event_id text collate "C" not null,
  experiment_key text collate "C" not null,
  unit text collate "C" not null,
  variant text not null check (variant in ('control', 'treatment')),
  at timestamptz not null,
  signal_name text collate "C" not null,
  value numeric,
  batch bigint not null
) partition by range (month);
create table ingested_rows_default partition of ingested_rows default;
-- The two indexes it has: what was there before, and what is to be folded.
create unique index ingested_rows_once on ingested_rows (org_id, event_id, month);
create index ingested_rows_batch on ingested_rows (batch);

create function ensure_ingested_partitions(earliest timestamptz, latest timestamptz) returns integer language plpgsql
security definer set search_path = public as $fn$
declare
  first timestamptz := date_trunc('month', greatest(earliest, now() - interval '2 years'), 'UTC');
  last timestamptz := least(latest, now() + interval '2 years');
  made integer := 0; part text; start date; part_end date;
begin
  while first <= last loop
    start := (first at time zone 'UTC')::date;
    part_end := start + interval '1 month';
    part := 'ingested_rows_' || to_char(start, 'YYYY_MM');
    if to_regclass(part) is null then
      perform pg_advisory_xact_lock(hashtextextended('ensure_ingested_partitions', 0));
    end if;
    if to_regclass(part) is null and not exists (select 1 from ingested_rows_default where month >= start and month < part_end) then
      execute format('create table %I partition of ingested_rows for values from (%L) to (%L)', part, start, part_end);
      -- For COPY, which row-level security forbids: the application may fill in all but the organisation and the month, and read nothing.
      execute format('alter table %I alter column month set default %L', part, start);
      execute format('grant insert (event_id, experiment_key, unit, variant, at, signal_name, value, batch) on %I to outcome_app', part);
      made := made + 1;
    end if;
    first := first + interval '1 month';
  end loop;
  return made;
end $fn$;

-- What is accepted and not folded yet: a queue, whose rows go away in the transaction that folds them.
create sequence ingested_batch;
create table ingested_batches (
  id bigint primary key,
  org_id uuid not null references orgs(id),
  rows integer not null check (rows > 0),
  key_id uuid,
  received_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz
);
create index on ingested_batches (org_id, id);
create trigger outbox_wake after insert on ingested_batches for each statement execute function outbox_wake();

-- Every unit once: which variants it was seen in (1 control, 2 treatment, 3 both), and since when.
create table ingested_units (
  org_id uuid not null,
  experiment_key text collate "C" not null,
  unit text collate "C" not null,
  variants smallint not null check (variants between 1 and 3),
  first_at timestamptz not null,
  exposed_at timestamptz,
  primary key (org_id, experiment_key, unit)
);
create table ingested_totals (
  org_id uuid not null,
  experiment_key text collate "C" not null,
  unit text collate "C" not null,
  signal_name text collate "C" not null,
  total numeric not null,
  primary key (org_id, experiment_key, unit, signal_name)
);
-- Sums over units by the moment a unit was first seen, and again by the moment it was first exposed.
create table ingested_rollups (
  org_id uuid not null references orgs(id),
  experiment_key text collate "C" not null,
  signal_name text collate "C" not null,
  basis text not null check (basis in ('seen', 'exposed')),
  variant text not null check (variant in ('control', 'treatment')),
  grain text not null check (grain in ('minute', 'hour', 'day')),
  bucket timestamptz not null,
  n bigint not null,
  total numeric not null,
  total_sq numeric not null,
  positive bigint not null,
  primary key (org_id, experiment_key, signal_name, basis, variant, grain, bucket)
);
-- What is known of a signal of an experiment; the signal '' stands for its exposures and its units.
create table ingested_signals (
  org_id uuid not null references orgs(id),
  experiment_key text collate "C" not null,
  signal_name text collate "C" not null,
  rows bigint not null default 0,
  units bigint not null default 0,
  exposed bigint not null default 0,
  crossed bigint not null default 0,
  first_at timestamptz not null,
  last_at timestamptz not null,
  folded_at timestamptz not null default clock_timestamp(),
  primary key (org_id, experiment_key, signal_name)
);
create index on ingested_signals (org_id, signal_name);
-- How far data have come is asked at every look.
create index on ingested_signals (org_id, last_at);
create index on ingested_points (org_id, signal_name, window_to);
create index on ingested_points (org_id, window_to);

-- Which organisations have batches to fold: ids only, by a function of the owner, as for the outbox.
create function claim_folds(lease interval, most integer) returns table (org_id uuid) language sql volatile
  security definer set search_path = public as $fn$
  with due as (
    select b.id from ingested_batches b
    where b.lease_until is null or b.lease_until < clock_timestamp()
    order by b.id limit most for update skip locked),
  claimed as (update ingested_batches b set lease_until = clock_timestamp() + lease from due where b.id = due.id returning b.org_id)
  select distinct org_id from claimed
$fn$;

-- Effects apart from notices, so that a flag that must go off never waits behind messages that cannot be delivered.
create function claim_effects(lease interval, most integer) returns table (org_id uuid, batch uuid) language sql volatile
  security definer set search_path = public as $fn$
  with due as (
    select o.id from outbox o
    where o.status = 'due' and o.kind = 'effect' and o.available_at <= clock_timestamp()
      and (o.lease_until is null or o.lease_until < clock_timestamp())
    order by o.available_at limit most for update skip locked),
  claimed as (update outbox o set lease_until = clock_timestamp() + lease from due where o.id = due.id returning o.org_id, o.batch)
  select distinct org_id, batch from claimed
$fn$;

do $do$
declare t text;
begin
  foreach t in array array['ingested_rows', 'ingested_rows_default', 'ingested_batches', 'ingested_units', 'ingested_totals',
                           'ingested_rollups', 'ingested_signals'] loop
    execute format('alter table %I enable row level security', t);
    if t <> 'ingested_rows_default' then
      execute format('create policy tenant on %I using (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)
        with check (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)', t);
      execute format('grant select, insert on %I to outcome_app', t);
    end if;
  end loop;
end $do$;
grant delete on ingested_rows to outcome_app;
grant update, delete on ingested_batches to outcome_app;
grant update on ingested_units, ingested_totals, ingested_rollups, ingested_signals to outcome_app;
grant usage on sequence ingested_batch to outcome_app;
revoke execute on function ensure_ingested_partitions(timestamptz, timestamptz), claim_folds(interval, integer),
  claim_effects(interval, integer) from public;
grant execute on function ensure_ingested_partitions(timestamptz, timestamptz), claim_folds(interval, integer),
  claim_effects(interval, integer) to outcome_app;
