-- The audit trail of the schema's service: a record for every state change, in its transaction.

-- The last sequence of each organization. Its row lock is held from the record to the commit, so sequences have no gaps and
-- stand in the order of commits: who reads up to a sequence has seen everything before it.
create table audit_head (
  organization_id text   not null primary key,
  last_sequence   bigint not null check (last_sequence >= 0)
);
select protect_tenant_table('audit_head', 'select, insert, update');

create table audit_record (
  organization_id text   not null,
  sequence        bigint not null check (sequence >= 1),
  recorded_time   bigint not null,
  actor           text   not null,
  action          text   not null,
  subject         text   not null,
  -- RFC 8785 text.
  change          text   not null,
  primary key (organization_id, sequence)
);
select protect_append_only('audit_record');
