-- Levels that were read once, so that what lies before them need not be read again: of a meter, for a customer's subscription (empty: for events that name none), when a time
-- came, as known before an instant through which the organization is sealed, and under HOLD as held by cutoffs of this digest. They are derived from the events and no facts: the table may be emptied at any time, which
-- changes no answer.
create table usage_level (
  organization_id         text collate "C" not null,
  meter_code              text collate "C" not null,
  customer_reference      text collate "C" not null,
  subscription_reference  text collate "C" not null,
  at_time                 bigint  not null,
  known_before_time       bigint  not null,
  held_before             text collate "C" not null,
  level                   numeric not null,
  primary key (organization_id, meter_code, customer_reference, subscription_reference, at_time, known_before_time, held_before)
);
select protect_tenant_table('usage_level', 'select, insert');
