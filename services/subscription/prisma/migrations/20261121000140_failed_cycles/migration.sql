-- What became of the attempts to run a cycle: how often they failed, with which error, and whether it is set aside until
-- somebody asks for it again. A projection beside the state; nothing here reaches an amount.

alter table billing_cycle
  add column given_back      boolean not null default false, -- CLOSING, worked on by nobody: lease_end_time says from when on it may be tried
  add column failure_count   integer not null default 0 check (failure_count >= 0), -- since the start, or since it was put back
  add column failure_reason  text,
  add column failure_message text,
  add column failure_time    bigint, -- by the database's clock, also for a sandbox
  add column set_aside       boolean not null default false,
  add constraint failure_is_whole check ((failure_reason is null) = (failure_message is null) and (failure_reason is null) = (failure_time is null)),
  add constraint given_back_while_closing check (not given_back or state = 'CLOSING'),
  add constraint set_aside_with_its_error check (not set_aside or (given_back and failure_reason is not null));

-- Work lists leave out what is set aside, however much that is.
drop index billing_cycle_by_cutoff;
create index billing_cycle_by_cutoff on billing_cycle (organization_id, cutoff_time, subscription_reference, cycle_index) where state <> 'CLOSED' and not set_aside;
drop index billing_cycle_by_lease;
create index billing_cycle_by_lease on billing_cycle (organization_id, lease_end_time) where state = 'CLOSING' and not set_aside;
create index billing_cycle_set_aside on billing_cycle (organization_id, subscription_reference, cycle_index) where set_aside;
