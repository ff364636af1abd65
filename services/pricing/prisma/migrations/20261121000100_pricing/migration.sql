-- The catalog. Every row is a fact: what a price was and from when it was known can be asked for any past instant.
-- Codes compare in byte order, so that lists have the same order on every machine.

create table price (
  organization_id text   not null,
  code            text   collate "C" not null,
  display_name    text   not null,
  meter_code      text,  -- null: a fee, which rates the item's quantity
  currency_code   text   not null,
  recorded_time   bigint not null,
  primary key (organization_id, code)
);
select protect_append_only('price');

create table price_version (
  organization_id     text    not null,
  price_code          text    collate "C" not null,
  version             integer not null check (version >= 1),
  model               jsonb   not null, -- decimals as canonical text, never as JSON numbers
  effective_from_time bigint  not null,
  effective_to_time   bigint  check (effective_to_time > effective_from_time), -- as published; null: open
  recorded_time       bigint  not null,
  primary key (organization_id, price_code, version),
  -- Two versions that start together would overlap, whatever bounds them.
  unique (organization_id, price_code, effective_from_time),
  foreign key (organization_id, price_code) references price
);
select protect_append_only('price_version');

-- That a later version ends an earlier one. A version ends at the earliest of its own end and its bounds; publishing bounds at most one version.
create table price_version_bound (
  organization_id   text    not null,
  price_code        text    collate "C" not null,
  by_version        integer not null check (by_version > version),
  version           integer not null,
  effective_to_time bigint  not null,
  recorded_time     bigint  not null,
  primary key (organization_id, price_code, by_version),
  foreign key (organization_id, price_code, version) references price_version,
  foreign key (organization_id, price_code, by_version) references price_version
);
select protect_append_only('price_version_bound');

create table plan (
  organization_id text   not null,
  code            text   collate "C" not null,
  display_name    text   not null,
  recorded_time   bigint not null,
  primary key (organization_id, code)
);
select protect_append_only('plan');

create table plan_version (
  organization_id text    not null,
  plan_code       text    collate "C" not null,
  version         integer not null check (version >= 1),
  interval        text    not null check (interval in ('DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR')),
  interval_count  integer not null check (interval_count between 1 and 120),
  price_codes     text[]  not null, -- in the order of lines
  recorded_time   bigint  not null,
  primary key (organization_id, plan_code, version),
  foreign key (organization_id, plan_code) references plan
);
select protect_append_only('plan_version');
