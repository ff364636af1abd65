create table note (
  organization_id text   not null,
  name            text   not null,
  amount          bigint not null,
  primary key (organization_id, name)
);
select protect_tenant_table('note', 'select, insert, update, delete');

create table fact (
  organization_id text   not null,
  name            text   not null,
  recorded_time   bigint not null,
  primary key (organization_id, name)
);
select protect_append_only('fact');
