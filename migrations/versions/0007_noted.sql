-- What a person asked for is kept, sealed, until it is carried out: whoever finds its lease over goes on with it.
-- Rows that are there were carried out, or lost, when nothing was kept: they stay what they are, marks that something was heard.
alter table inbound_events add column sealed text;
alter table inbound_events add column lease_until timestamptz;
alter table inbound_events add column attempts integer not null default 0;
create index inbound_events_open on inbound_events (lease_until) where sealed is not null;

create function claim_noted(at text, lease interval, most integer) returns table (org_id uuid, external_id text)
  language sql volatile security definer set search_path = public as $fn$
  with due as (
    select e.org_id, e.source, e.external_id from inbound_events e
    where e.sealed is not null and e.lease_until < clock_timestamp() and e.source = at
    order by e.lease_until limit most for update skip locked)
  update inbound_events e set lease_until = clock_timestamp() + lease * least(2 ^ e.attempts, 25), attempts = e.attempts + 1
  from due where e.org_id = due.org_id and e.source = due.source and e.external_id = due.external_id
  returning e.org_id, e.external_id
$fn$;
create function close_noted(org uuid, at text, name text, turn integer) returns void
  language sql volatile security definer set search_path = public as $fn$
  update inbound_events e set sealed = null, lease_until = null
  where e.org_id = org and e.source = at and e.external_id = name and e.attempts = turn and e.sealed is not null
$fn$;
revoke execute on function claim_noted(text, interval, integer), close_noted(uuid, text, text, integer) from public;
grant execute on function claim_noted(text, interval, integer), close_noted(uuid, text, text, integer) to outcome_app;
