-- What was used: meters and usage events. Everything here is a fact: added, never changed.
-- Codes, keys and references compare by bytes: the digest of a set of usage is defined over keys in byte order, and lists have one order
-- whatever the database's locale.

create table meter (
  organization_id text collate "C" not null,
  code            text collate "C" not null,
  display_name    text   not null,
  aggregation     text   not null check (aggregation in ('COUNT', 'SUM')),
  filters         jsonb  not null check (jsonb_typeof(filters) = 'array'),  -- [{ "property": …, "values": […] }], all must hold
  recorded_time   bigint not null,
  primary key (organization_id, code)
);
select protect_append_only('meter');

-- Every idempotency key ever taken, with the digest of its event's content and the place of the event. A table of its own, because it must stay
-- unique for ever, also when events are one day partitioned by time.
create table usage_key (
  organization_id    text collate "C" not null,
  idempotency_key    text collate "C" not null,
  content_digest     bytea  not null,  -- SHA-256
  meter_code         text collate "C" not null,
  customer_reference text collate "C" not null,
  event_time         bigint not null,
  primary key (organization_id, idempotency_key)
);
select protect_append_only('usage_key');

-- In the order in which a close reads: what one customer used of one meter in one part of time lies side by side.
create table usage_event (
  organization_id        text collate "C" not null,
  meter_code             text collate "C" not null,
  customer_reference     text collate "C" not null,
  event_time             bigint not null,
  idempotency_key        text collate "C" not null,
  subscription_reference text collate "C",  -- null: may belong to any of the customer's subscriptions
  value                  numeric,           -- null only for COUNT
  properties             jsonb  not null,
  content_digest         bytea  not null,
  recorded_time          bigint not null,
  primary key (organization_id, meter_code, customer_reference, event_time, idempotency_key)
);
select protect_append_only('usage_event');

-- Events recorded more than an hour after they happened, by when they were recorded. Most events are not among them, so that most inserts don't
-- pay for it; the few late ones of a long time are found without reading that time's usage.
create index usage_event_late on usage_event (organization_id, customer_reference, recorded_time)
  include (meter_code, event_time, subscription_reference)
  where recorded_time - event_time > 3600000000;
