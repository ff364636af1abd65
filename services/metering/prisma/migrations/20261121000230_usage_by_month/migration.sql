-- Usage events in a partition for each month of their event time. The table that was becomes the DEFAULT partition with every row it has: nothing is copied, and what has
-- no month of its own still has a place.
alter table usage_event rename to usage_event_default;
alter index usage_event_pkey rename to usage_event_default_pkey;
alter index usage_event_late rename to usage_event_default_late;
drop trigger refuse_change on usage_event_default; -- comes again from the partitioned table

create table usage_event (
  like usage_event_default including defaults including constraints,
  primary key (organization_id, meter_code, customer_reference, event_time, idempotency_key)
) partition by range (event_time);
create index usage_event_late on usage_event (organization_id, customer_reference, recorded_time)
  include (meter_code, event_time, subscription_reference)
  where recorded_time - event_time > 3600000000;
select protect_append_only('usage_event');
alter table usage_event attach partition usage_event_default default;

-- Partitions are reached through the partitioned table, whose policy and grants hold then. Reached by themselves they are closed to everybody but a superuser: no grant,
-- and row-level security like its parent's. TRUNCATE is the one trigger that a partition does not get from its parent.
create function protect_usage_partition(t regclass) returns void
  language plpgsql set search_path from current as $$
begin
  perform protect_tenant_table(t, 'select');
  execute format('revoke all on %s from %I', t, 'valora_' || current_schema());
  execute format('create trigger refuse_truncate before truncate on %s for each statement execute function refuse_change()', t);
end
$$;
do $$
begin
  execute format('revoke all on usage_event_default from %I', 'valora_' || current_schema());
end
$$;

-- What is archived: every event that happened before the latest of these times, but for those of WEIGHTED_SUM meters, whose levels last. Says nothing of any
-- organization.
create table usage_archive (
  before_time   bigint not null primary key,
  archived_time bigint not null
);
revoke all on usage_archive from public;
do $$
begin
  execute format('grant select on usage_archive to %I', 'valora_' || current_schema());
end
$$;
create trigger refuse_change before update or delete on usage_archive for each row execute function refuse_change();
create trigger refuse_truncate before truncate on usage_archive for each statement execute function refuse_change();

-- Of an organization of whose events some were: none of those, and no void or release of one, was recorded after `recorded_through`.
create table usage_archive_share (
  organization_id  text collate "C" not null,
  before_time      bigint not null,
  recorded_through bigint not null,
  primary key (organization_id, before_time)
);
select protect_append_only('usage_archive_share');
do $$
begin
  execute format('revoke insert on usage_archive_share from %I', 'valora_' || current_schema());
end
$$;

-- Events that happened before this time are archived. Until the end of the transaction nothing more is: the lock, which archiving and nothing else collides with, is taken
-- before the later statement looks. Without it a reader could see no archive and then, by its next statement, no events.
create function archived_before() returns bigint
  language plpgsql volatile set search_path from current as $$
begin
  lock table only usage_event in access share mode;
  return coalesce((select max(before_time) from usage_archive), -9223372036854775808);
end
$$;

-- All that was archived, of everybody and of this organization, under the same lock.
create function archives() returns table (before_time bigint, recorded_through bigint)
  language plpgsql volatile set search_path from current as $$
begin
  lock table only usage_event in access share mode;
  return query
    select archive.before_time, share.recorded_through
    from usage_archive as archive
    left join usage_archive_share as share on share.organization_id = current_organization() and share.before_time = archive.before_time
    order by archive.before_time;
end
$$;

-- Lets the owner at all rows, which also the owner sees one organization at a time: for as long as nobody else can see the table.
create function open_usage_to_owner(opened boolean) returns void
  language plpgsql set search_path from current as $$
declare
  t regclass;
begin
  lock table usage_event in access exclusive mode;
  for t in select relid from pg_partition_tree('usage_event') loop
    execute format(case when opened then 'alter table %s no force row level security' else 'alter table %s force row level security' end, t);
  end loop;
end
$$;

-- Months are counted from January of the year 0, in UTC.
create function month_of(micros bigint) returns integer
  language sql immutable
  return (with civil as (select make_date(1970, 1, 1) + floor(micros::numeric / 86400000000)::integer as day)
    select extract(year from day) * 12 + extract(month from day) - 1 from civil)::integer;

create function month_start(month integer) returns bigint
  language sql immutable
  return extract(epoch from make_date(month / 12, month % 12 + 1, 1))::bigint * 1000000;

-- 2024_01
create function month_name(month integer) returns text
  language sql immutable
  return lpad((month / 12)::text, 4, '0') || '_' || lpad((month % 12 + 1)::text, 2, '0');

-- Makes the partitions of the months around now that don't exist, and moves what lies in the DEFAULT partition into them. Run by whoever applies the migrations, each time.
-- Everything happens under an exclusive lock on the partitioned table itself: a reader that has already listed its partitions would look for moved rows in vain, so readers
-- have to wait before they list them. The DEFAULT partition is detached meanwhile. Like that it has no trigger that refuses to move rows, while nobody else can reach it, and
-- it is looked through twice, however many months there are: for what moves, and when it is attached again.
create function prepare_partitions(now_micros bigint) returns void
  language plpgsql set search_path from current as $$
declare
  months_back  constant integer := 2;
  months_ahead constant integer := 6;
  archived     constant bigint  := archived_before();
  missing integer[];
  made integer;
begin
  select array_agg(month order by month) into missing
  from generate_series(month_of(now_micros) - months_back, month_of(now_micros) + months_ahead) as month
  where to_regclass(format('%I.usage_event_%s', current_schema(), month_name(month))) is null and month_start(month) >= archived;
  if missing is null then
    return;
  end if;

  perform open_usage_to_owner(true);
  alter table usage_event detach partition usage_event_default;
  foreach made in array missing loop
    execute format('create table usage_event_%s partition of usage_event for values from (%s) to (%s)', month_name(made), month_start(made), month_start(made + 1));
    perform protect_usage_partition(format('usage_event_%s', month_name(made))::regclass);
    execute format('alter table usage_event_%s no force row level security', month_name(made));
  end loop;
  with moved as (
    delete from usage_event_default
    where event_time >= month_start(missing[1]) and event_time < month_start(missing[cardinality(missing)] + 1) and month_of(event_time) = any(missing)
    returning *
  )
  insert into usage_event select * from moved;
  alter table usage_event attach partition usage_event_default default;
  perform open_usage_to_owner(false);
end
$$;

revoke execute on function protect_usage_partition(regclass), open_usage_to_owner(boolean), prepare_partitions(bigint) from public;
