-- Letters we sent: what a reply answers, what it quotes, and to whom its token was given
create table letters (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  kind text not null,
  subject_kind text not null,
  subject_id uuid not null,
  gate_id uuid,
  recipient text not null check (recipient = lower(recipient)),
  dedupe text not null,
  message_id text not null unique,
  answers text,
  title text not null,
  said text not null,
  evidence_hash text,
  details jsonb not null default '{}',
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  refused_at timestamptz,
  refused_why text,
  unique (org_id, dedupe)
);
create index on letters (org_id, gate_id, recipient, created_at);
create index on letters (org_id, subject_id, recipient, created_at);

-- Mail that came in, kept before anything is done with it: once by Message-ID and by content, whatever the way
create table inbound_mail (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  message_id text not null,
  content_hash text not null,
  way text not null,
  raw bytea,
  envelope_from text not null default '',
  envelope_to text[] not null default '{}',
  received_at timestamptz not null default now(),
  attempts bigint not null default 0,
  lease_until timestamptz,
  gate_id uuid,
  letter_id uuid,
  sender text,
  action text check (action in ('decide', 'answer', 'ask_back', 'ignore', 'bounce', 'quarantine')),
  decision text,
  reasons jsonb not null default '[]',
  proposal jsonb,
  handled_at timestamptz,
  ended text,
  ended_at timestamptz,
  unique (org_id, message_id),
  unique (org_id, content_hash)
);
create index on inbound_mail (org_id, received_at) where handled_at is null;
create index on inbound_mail (org_id, gate_id);

-- How far a mailbox was read
create table mail_cursors (
  org_id uuid not null references orgs(id),
  mailbox text not null,
  uidvalidity bigint not null,
  last_uid bigint not null,
  read_at timestamptz not null default now(),
  primary key (org_id, mailbox)
);

-- A decision that was given but can still be taken back by its author: it is carried out when its time is over
create table gate_holds (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references orgs(id),
  gate_id uuid not null,
  member text not null,
  via text not null,
  decision jsonb not null,
  evidence_hash text not null,
  created_at timestamptz not null default now(),
  until timestamptz not null,
  ended_at timestamptz,
  ended text check (ended in ('carried_out', 'undone', 'overtaken', 'failed')),
  why text,
  letter_id uuid
);
create unique index on gate_holds (gate_id) where ended_at is null;
create index on gate_holds (org_id, gate_id, created_at);

-- Links in letters decide once: what was used is remembered by its digest
create table link_uses (
  org_id uuid not null references orgs(id),
  digest text not null,
  gate_id uuid not null,
  member text not null,
  used_at timestamptz not null default now(),
  primary key (org_id, digest)
);

-- An address that refused our letters
alter table members add column mail_refused_at timestamptz;
alter table members add column mail_refused_why text;

-- A proposal made by letter waits longer for its YES than one on a screen
alter table gate_readings add column via text not null default 'slack';
alter table gate_readings add column expires_at timestamptz;

create function org_by_gate(wanted uuid) returns uuid language sql stable security definer set search_path = public as
  $fn$ select org_id from human_gates where id = wanted $fn$;
create function org_by_letter(wanted text) returns uuid language sql stable security definer set search_path = public as
  $fn$ select org_id from letters where message_id = wanted $fn$;

do $do$
declare t text;
begin
  foreach t in array array['letters', 'inbound_mail', 'mail_cursors', 'gate_holds', 'link_uses'] loop
    execute format('alter table %I enable row level security', t);
    execute format('grant select, insert, update on %I to outcome_app', t);
    execute format($p$create policy tenant on %I using (org_id = nullif(current_setting('app.org_id', true), '')::uuid)
      with check (org_id = nullif(current_setting('app.org_id', true), '')::uuid)$p$, t);
  end loop;
end $do$;
