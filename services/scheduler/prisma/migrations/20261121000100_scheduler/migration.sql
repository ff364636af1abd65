-- Runs of jobs: the operator's record of what the scheduler did. It belongs to no organization and holds no billing facts,
-- so it stands without row-level security, like due work.
create table job_run (
  job_run_id      text   not null primary key,
  job             text   not null,
  start_time      bigint not null,
  end_time        bigint not null check (end_time >= start_time),
  processed_count bigint not null,
  failed_count    bigint not null,
  error           text   not null
);
create index job_run_by_time on job_run (start_time desc, job_run_id);
revoke all on job_run from public;
grant select, insert on job_run to valora_scheduler;
