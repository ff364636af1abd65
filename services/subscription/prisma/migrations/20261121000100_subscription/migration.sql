-- Customers, subscriptions and their billing cycles. Facts are only ever added; two tables are projections that move on:
-- billing_cycle in its state, never in its boundaries, and subscription_schedule.
-- References and codes compare in byte order, so that lists have the same order on every machine.

create table customer (
  organization_id text   not null,
  reference       text   collate "C" not null,
  display_name    text   not null,
  time_zone       text,  -- null: the organization's
  recorded_time   bigint not null,
  primary key (organization_id, reference)
);
select protect_append_only('customer');

-- What is fixed about a subscription. What changes in its life is in its facts.
create table subscription (
  organization_id    text    not null,
  reference          text    collate "C" not null,
  customer_reference text    collate "C" not null,
  plan_code          text    not null,
  plan_version       integer not null,
  time_zone          text    not null,
  anchor_time        bigint  not null,
  interval           text    not null check (interval in ('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR')),
  interval_count     integer not null check (interval_count between 1 and 120),
  start_time         bigint  not null,
  recorded_time      bigint  not null,
  primary key (organization_id, reference),
  foreign key (organization_id, customer_reference) references customer
);
create index subscription_of_customer on subscription (organization_id, customer_reference, reference);
select protect_append_only('subscription');

create table subscription_fact (
  organization_id        text    not null,
  subscription_reference text    collate "C" not null,
  sequence               integer not null check (sequence >= 1),
  kind                   text    not null,
  effective_time         bigint  not null,
  recorded_time          bigint  not null,
  payload                jsonb   not null, -- decimals as canonical text
  primary key (organization_id, subscription_reference, sequence),
  foreign key (organization_id, subscription_reference) references subscription
);
select protect_append_only('subscription_fact');

-- What is live when: an item of a subscription from start_time on.
create table subscription_item (
  organization_id        text    not null,
  subscription_reference text    collate "C" not null,
  item                   text    collate "C" not null,
  position               integer not null, -- the order of lines
  price_code             text    not null,
  quantity               numeric not null check (quantity > 0),
  meter_code             text,   -- null: a fee
  customer_reference     text    collate "C" not null,
  start_time             bigint  not null,
  end_time               bigint  check (end_time >= start_time), -- null: open
  primary key (organization_id, subscription_reference, item, start_time),
  foreign key (organization_id, subscription_reference) references subscription
);
create index subscription_item_on_meter on subscription_item (organization_id, customer_reference, meter_code) where meter_code is not null;
select protect_append_only('subscription_item');

create table billing_cycle (
  organization_id        text    not null,
  subscription_reference text    collate "C" not null,
  cycle_index            integer not null check (cycle_index >= 1),
  start_time             bigint  not null,
  end_time               bigint  not null check (end_time >= start_time),
  cutoff_time            bigint  not null check (cutoff_time >= end_time),
  tzdata_version         text    not null,
  state                  text    not null check (state in ('OPEN', 'CLOSING', 'CLOSED')),
  lease_end_time         bigint  check ((lease_end_time is not null) = (state = 'CLOSING')), -- by the database's clock, also for a sandbox
  run_digest             text    check ((run_digest is not null) = (state = 'CLOSED')),
  primary key (organization_id, subscription_reference, cycle_index),
  foreign key (organization_id, subscription_reference) references subscription
);
create index billing_cycle_by_cutoff on billing_cycle (organization_id, cutoff_time, subscription_reference, cycle_index) where state <> 'CLOSED';
create index billing_cycle_by_lease on billing_cycle (organization_id, lease_end_time) where state = 'CLOSING';
select protect_tenant_table('billing_cycle', 'select, insert, update');

-- Boundaries, once opened, are what every run and every verification goes by; and a completed run stays the run.
create trigger keep_boundaries before update on billing_cycle for each row
  when ((old.organization_id, old.subscription_reference, old.cycle_index, old.start_time, old.end_time, old.cutoff_time, old.tzdata_version)
    is distinct from (new.organization_id, new.subscription_reference, new.cycle_index, new.start_time, new.end_time, new.cutoff_time, new.tzdata_version))
  execute function refuse_change();
create trigger keep_run_digest before update on billing_cycle for each row
  when (old.run_digest is not null and old.run_digest is distinct from new.run_digest)
  execute function refuse_change();
create trigger refuse_delete before delete on billing_cycle for each row execute function refuse_change();
create trigger refuse_truncate before truncate on billing_cycle for each statement execute function refuse_change();

-- Which cycle of a subscription is opened next, and when its start is reached.
create table subscription_schedule (
  organization_id        text    not null,
  subscription_reference text    collate "C" not null,
  next_cycle_index       integer not null,
  next_open_time         bigint  not null,
  primary key (organization_id, subscription_reference),
  foreign key (organization_id, subscription_reference) references subscription
);
create index subscription_schedule_by_time on subscription_schedule (organization_id, next_open_time, subscription_reference);
select protect_tenant_table('subscription_schedule', 'select, insert, update');
