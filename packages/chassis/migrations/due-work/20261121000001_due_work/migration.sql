-- When each organization next has work of a kind, so that a scheduler can find work across organizations. The one table without row-level
-- security: it says when, never what, and holds no billing facts.
create table due_work (
  organization_id   text   not null,
  kind              text   not null,
  next_due_time     bigint,  -- null: nothing is due
  sandbox_time      bigint,  -- null: the database's clock counts
  lease_end_time    bigint,  -- by the database's clock, also for a sandbox
  last_claimed_time bigint,
  -- From when on, by the database's clock, the work may be claimed: a sandbox's work is due at once or, until its clock moves, never.
  claimable_time    bigint generated always as (
    case when sandbox_time is null then next_due_time when next_due_time <= sandbox_time then -62135596800000000 end
  ) stored,
  primary key (organization_id, kind)
);
create index due_work_claim on due_work (kind, claimable_time) where claimable_time is not null;

do $$
begin
  execute format('grant select, insert, update (next_due_time, sandbox_time, lease_end_time, last_claimed_time) on due_work to %I', 'valora_' || current_schema());
end
$$;
