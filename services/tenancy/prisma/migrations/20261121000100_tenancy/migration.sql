-- Who is billed for: organizations, their settings, and the keys of their callers. Everything here is a fact: added, never changed.
-- Ids compare by bytes, so that lists have one order whatever the database's locale.

-- The exception to row-level security: the bare ids of all organizations, so that the operator can page through them. It says that an
-- organization exists, nothing about it. What is known of one is read under its own row-level security.
create table organization_directory (
  organization_id text collate "C" not null primary key
);
create trigger refuse_change before update or delete on organization_directory for each row execute function refuse_change();
create trigger refuse_truncate before truncate on organization_directory for each statement execute function refuse_change();
do $$
begin
  revoke all on organization_directory from public;
  execute format('grant select, insert on organization_directory to %I', 'valora_' || current_schema());
end
$$;

create table organization (
  organization_id text collate "C" not null primary key,
  display_name    text    not null,
  currency_code   text    not null,
  sandbox         boolean not null,
  recorded_time   bigint  not null
);
select protect_append_only('organization');

-- Version 1 is given at creation and holds from the beginning of time; the version with the highest number is in force.
create table settings_version (
  organization_id text collate "C" not null,
  version         integer not null check (version >= 1),
  recorded_time   bigint  not null,
  time_zone       text    not null,
  rounding_mode   text    not null check (rounding_mode in ('HALF_UP', 'HALF_EVEN')),
  grace_micros    bigint  not null check (grace_micros >= 0),
  keep_zero_lines boolean not null,
  primary key (organization_id, version),
  foreign key (organization_id) references organization
);
select protect_append_only('settings_version');

create table api_key (
  organization_id text collate "C" not null,
  key_id          text collate "C" not null,
  display_name    text   not null,
  scopes          text[] not null,
  secret_digest   bytea  not null check (length(secret_digest) = 32),  -- SHA-256; the secret itself is stored nowhere
  expire_time     bigint,  -- null: never
  recorded_time   bigint not null,
  primary key (organization_id, key_id),
  foreign key (organization_id) references organization
);
select protect_append_only('api_key');

create table api_key_revocation (
  organization_id text collate "C" not null,
  key_id          text collate "C" not null,
  recorded_time   bigint not null,
  primary key (organization_id, key_id),
  foreign key (organization_id, key_id) references api_key
);
select protect_append_only('api_key_revocation');
