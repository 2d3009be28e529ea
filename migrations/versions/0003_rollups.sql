-- Rollups: exact sums of signal_measurements by minute, hour, day and for all time, kept in the transaction that writes the rows
create table measurement_rollups (
  org_id uuid not null,
  outcome_id uuid,
  experiment_id uuid not null,
  signal_name text not null,
  phase integer not null,
  variant text not null,
  kind text not null check (kind in ('delta', 'cumulative')),
  grain text not null check (grain in ('minute', 'hour', 'day', 'all')),
  bucket timestamptz not null,
  n numeric not null,
  total numeric not null,
  total_sq numeric not null,
  total_x numeric not null default 0,
  total_x_sq numeric not null default 0,
  total_xy numeric not null default 0,
  beyond_limit numeric not null,
  counted numeric not null,
  primary key (org_id, grain, kind, experiment_id, signal_name, variant, phase, bucket),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
) with (fillfactor = 80);
comment on column measurement_rollups.counted is 'units of rows that state beyond_limit: what beyond_limit is a share of';

-- What was read of a signal so far, and what has to be read again
create table measurement_reads (
  org_id uuid not null,
  experiment_id uuid not null,
  signal_name text not null,
  phases integer not null default 0,
  resume_from timestamptz,
  data_through timestamptz,
  advanced_at timestamptz,
  whole_at timestamptz,
  dirty_from timestamptz,
  dirty_marks bigint not null default 0,
  primary key (org_id, experiment_id, signal_name),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
) with (fillfactor = 70);
comment on column measurement_reads.resume_from is 'start of the stored bucket from which the next look reads again; null: everything';
comment on column measurement_reads.advanced_at is 'wall time at which data_through last advanced';
comment on column measurement_reads.dirty_marks is 'grows with every mark, so that a look clears only what it has read';

-- Experiments that run while this is installed: their history is summed once here; without a row in measurement_reads the next
-- look reads everything, as the one after a launch does.
insert into measurement_rollups (org_id, outcome_id, experiment_id, signal_name, phase, variant, kind, grain, bucket, n, total, total_sq,
  beyond_limit, counted)
select m.org_id, m.outcome_id, m.experiment_id, m.signal_name, m.phase, m.variant, m.kind, g.grain, g.bucket, sum(coalesce(m.sample_size, 0)),
  sum(coalesce(m.total, 0)), sum(coalesce(m.total_sq, 0)), sum(coalesce(m.beyond_limit, 0)),
  sum(case when m.beyond_limit is null then 0 else coalesce(m.sample_size, 0) end)
from signal_measurements m
cross join lateral (values ('minute', date_trunc('minute', m.time, 'UTC')), ('hour', date_trunc('hour', m.time, 'UTC')),
  ('day', date_trunc('day', m.time, 'UTC')), ('all', timestamptz 'epoch')) as g(grain, bucket)
where m.experiment_id is not null and m.kind = 'delta'
group by m.org_id, m.outcome_id, m.experiment_id, m.signal_name, m.phase, m.variant, m.kind, g.grain, g.bucket;

-- Measurements are claimed by the workers that make them, many at a time; all other timers go through the queue one by one
create function measurements_due(at timestamptz) returns boolean language sql stable security definer set search_path = public as $fn$
  select exists (select from timers t where t.status = 'armed' and t.kind = 'measure' and t.due_at <= at
    and (t.lease_until is null or t.lease_until < clock_timestamp()))
$fn$;
create function claim_measurements(at timestamptz, lease interval, most integer)
  returns table (org_id uuid, id bigint, subject_id uuid) language sql volatile security definer set search_path = public as $fn$
  with due as (
    select t.id from timers t
    where t.status = 'armed' and t.kind = 'measure' and t.due_at <= at and (t.lease_until is null or t.lease_until < clock_timestamp())
    order by t.due_at limit most for update skip locked)
  update timers t set lease_until = clock_timestamp() + lease, attempts = attempts + 1
  from due where t.id = due.id returning t.org_id, t.id, t.subject_id
$fn$;
create function claim_other_timers(at timestamptz, lease interval, most integer)
  returns table (org_id uuid, id bigint, kind text) language sql volatile security definer set search_path = public as $fn$
  with due as (
    select t.id from timers t
    where t.status = 'armed' and t.kind <> 'measure' and t.due_at <= at and (t.lease_until is null or t.lease_until < clock_timestamp())
    order by t.due_at limit most for update skip locked)
  update timers t set lease_until = clock_timestamp() + lease, attempts = attempts + 1
  from due where t.id = due.id returning t.org_id, t.id, t.kind
$fn$;
create index timers_due_measurements on timers (due_at) where status = 'armed' and kind = 'measure';
create index timers_due_others on timers (due_at) where status = 'armed' and kind <> 'measure';

do $do$
declare t text;
begin
  foreach t in array array['measurement_rollups', 'measurement_reads'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update on %I to outcome_app', t);
    execute format('create policy tenant on %I using (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)
      with check (org_id = nullif(current_setting(''app.org_id'', true), '''')::uuid)', t);
  end loop;
end $do$;
revoke execute on function measurements_due(timestamptz), claim_measurements(timestamptz, interval, integer),
  claim_other_timers(timestamptz, interval, integer) from public;
grant execute on function measurements_due(timestamptz), claim_measurements(timestamptz, interval, integer),
  claim_other_timers(timestamptz, interval, integer) to outcome_app;
