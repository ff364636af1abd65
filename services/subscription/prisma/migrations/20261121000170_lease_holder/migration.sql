-- Who holds a cycle's lease, as its taker named itself: work that is given back late, when somebody else holds the cycle, must
-- not count against it.

alter table billing_cycle add column lease_holder text not null default '';
