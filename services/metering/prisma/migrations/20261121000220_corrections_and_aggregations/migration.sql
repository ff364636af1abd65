-- Every aggregation, and values below zero where the meter takes them. Meters made before took them.
alter table meter drop constraint meter_aggregation_check;
alter table meter
  add check (aggregation in ('COUNT', 'SUM', 'MAX', 'MIN', 'AVERAGE', 'LATEST', 'UNIQUE_COUNT', 'WEIGHTED_SUM')),
  add column unique_property text collate "C",
  add column takes_negative_values boolean not null default true,
  add check ((aggregation = 'UNIQUE_COUNT') = (unique_property is not null));
alter table meter alter column takes_negative_values drop default;

-- What takes an event out of everything known later, and what lets one in that was held. Each with the place of its event, which never moves,
-- so that neither is read by way of the keys.
create table usage_void (
  organization_id     text collate "C" not null,
  idempotency_key     text collate "C" not null,
  meter_code          text collate "C" not null,
  customer_reference  text collate "C" not null,
  event_time          bigint not null,
  reason              text   not null,
  recorded_time       bigint not null,
  primary key (organization_id, idempotency_key)
);
select protect_append_only('usage_void');
create index usage_void_recorded on usage_void (organization_id, recorded_time, idempotency_key);
create index usage_void_by_customer on usage_void (organization_id, customer_reference, recorded_time);

create table usage_release (
  organization_id     text collate "C" not null,
  idempotency_key     text collate "C" not null,
  meter_code          text collate "C" not null,
  customer_reference  text collate "C" not null,
  event_time          bigint not null,
  reason              text   not null,
  recorded_time       bigint not null,
  primary key (organization_id, idempotency_key)
);
select protect_append_only('usage_release');
create index usage_release_recorded on usage_release (organization_id, recorded_time, idempotency_key);
create index usage_release_by_customer on usage_release (organization_id, customer_reference, recorded_time);
