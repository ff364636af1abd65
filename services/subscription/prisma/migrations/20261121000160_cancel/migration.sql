-- Canceling: a fact like any other, and here what follows from it. The schedule says when the cancel in force takes effect and
-- from when on it is final; no cycle opens at or after that. A cycle's cutoff comes forward when the service ends within it.

alter table billing_cycle
  add column grace_micros bigint not null default 0 check (grace_micros >= 0), -- known at the cycle's start, as its cutoff was computed with
  drop constraint billing_cycle_check1; -- cutoff_time >= end_time: a canceled subscription's last cutoff may come before its period ends
alter table billing_cycle
  alter column grace_micros drop default,
  add constraint cutoff_after_start check (cutoff_time >= start_time);

drop trigger keep_boundaries on billing_cycle;
create trigger keep_boundaries before update on billing_cycle for each row
  when ((old.organization_id, old.subscription_reference, old.cycle_index, old.start_time, old.end_time, old.tzdata_version, old.grace_micros)
    is distinct from (new.organization_id, new.subscription_reference, new.cycle_index, new.start_time, new.end_time, new.tzdata_version, new.grace_micros))
  execute function refuse_change();
-- A cutoff that somebody works by stays: only a cycle's that nobody has claimed yet can move.
create trigger keep_cutoff before update on billing_cycle for each row
  when (old.cutoff_time <> new.cutoff_time and not (old.state = 'OPEN' and new.state = 'OPEN'))
  execute function refuse_change();

alter table subscription_schedule
  add column cancel_time           bigint, -- from when on it is in service no more, by the cancel in force; null: none is
  add column cancel_done_time      bigint, -- when that cancel is in effect and known, so that it is final
  add column settlement_check_time bigint, -- when to look next for usage recorded after the last run; null: never
  add constraint cancel_is_whole check ((cancel_time is null) = (cancel_done_time is null) and cancel_done_time >= cancel_time),
  add constraint settlement_of_canceled check (settlement_check_time is null or cancel_time is not null);

drop index subscription_schedule_by_time;
create index subscription_schedule_by_time on subscription_schedule (organization_id, next_open_time, subscription_reference)
  where cancel_done_time is null or next_open_time < cancel_done_time;
create index subscription_schedule_by_check on subscription_schedule (organization_id, settlement_check_time, subscription_reference)
  where settlement_check_time is not null;

-- Until when an item is live follows from the facts of its subscription.
alter table subscription_item drop column end_time;
