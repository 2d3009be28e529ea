-- The plan registry: what an experiment is measured by; versions are added by a person's decisions and never edited
create table plan_registrations (
  org_id uuid not null references orgs(id),
  experiment_id uuid not null,
  version integer not null check (version > 0),
  reason text not null,
  document jsonb not null,
  digest text not null,
  gate_id uuid,
  registered_at timestamptz not null,
  primary key (org_id, experiment_id, version),
  foreign key (experiment_id, org_id) references experiments (id, org_id)
);
alter table experiments add column registration jsonb;
comment on column experiments.registration is 'the newest version of plan_registrations; null for experiments launched before it existed';

alter table plan_registrations enable row level security;
grant select, insert on plan_registrations to outcome_app;
create policy tenant on plan_registrations using (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
  with check (org_id = nullif(current_setting('app.org_id', true), '')::uuid);
