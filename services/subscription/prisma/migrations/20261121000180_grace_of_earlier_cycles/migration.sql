-- Cycles that were opened before their grace was stored have 0 in its place, and a cancel would move their cutoffs by that. What their cutoff is
-- past the end or the recorded time is the grace; or more than it, where the cutoff is the one of the cycle before, and then any cutoff worked out with it is
-- that one too. Nothing moves here: each cutoff follows from the stored grace as it did from the true one.

alter table billing_cycle no force row level security;
alter table subscription no force row level security;
alter table billing_cycle disable trigger keep_boundaries;

update billing_cycle cycle set grace_micros = cycle.cutoff_time - greatest(cycle.end_time, subscription.recorded_time + 1)
from subscription
where subscription.organization_id = cycle.organization_id and subscription.reference = cycle.subscription_reference
  and cycle.grace_micros = 0 and cycle.cutoff_time > greatest(cycle.end_time, subscription.recorded_time + 1);

alter table billing_cycle enable trigger keep_boundaries;
alter table subscription force row level security;
alter table billing_cycle force row level security;
