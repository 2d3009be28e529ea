-- Conditions a person sets with an approval; an experiment carries those in force, and its rollout obeys them
alter table human_gates add column terms jsonb not null default '[]';
alter table experiments add column terms jsonb not null default '[]';

-- The clock: a calendar of business hours frozen when the gate opens (null: every hour counts), and a snooze within it
alter table human_gates add column calendar jsonb;
alter table human_gates add column snoozed_until timestamptz;
alter table human_gates add column snoozed_by text;
alter table members add column away_source text;
alter table members add column status_seen_at timestamptz;

-- Four eyes: how many different people must say the same, and who said it first
alter table human_gates add column quorum integer not null default 1 check (quorum between 1 and 2);
alter table human_gates add column first_answer jsonb;

-- What a language model took free words to mean: a proposal a person confirms with a button, never a decision
create table gate_readings (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  gate_id uuid not null,
  asked_by text not null,
  words text not null,
  reading jsonb not null,
  evidence_hash text not null,
  created_at timestamptz not null default now(),
  used_at timestamptz
);
create index on gate_readings (org_id, gate_id);

-- Slack workspaces that installed the app; tokens are sealed by the vault
create table slack_installations (
  org_id uuid not null references orgs(id),
  team_id text not null check (team_id <> ''),
  enterprise_id text,
  team_name text,
  app_id text,
  bot_user_id text,
  scopes text[] not null default '{}',
  sealed_bot_token text not null,
  sealed_refresh_token text,
  token_expires_at timestamptz,
  installed_by text,
  installed_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoked_why text,
  primary key (team_id)
);
create function org_by_slack_team(wanted text) returns uuid language sql stable security definer set search_path = public as
  $fn$ select org_id from slack_installations where team_id = wanted $fn$;

do $do$
declare t text;
begin
  foreach t in array array['gate_readings', 'slack_installations'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update on %I to outcome_app', t);
    execute format($p$create policy tenant on %I using (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
      with check (org_id = nullif(current_setting('app.org_id', true), '')::uuid)$p$, t);
  end loop;
end $do$;
revoke execute on function org_by_slack_team(text) from public;
grant execute on function org_by_slack_team(text) to outcome_app;
