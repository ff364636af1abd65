-- What every schema stands on: the one clock, the organization of the transaction, the fence, the answers already given,
-- and the two ways to protect a table. Applied with search_path set to the schema alone.

-- The database's clock in microseconds since 1970. The only function that reads a clock. extract() gives an exact numeric
-- with six decimals, so nothing passes through binary floating point.
create function now_micros() returns bigint
  language sql volatile parallel safe
  return (extract(epoch from clock_timestamp()) * 1000000)::bigint;

-- The organization this transaction acts for, or null. Null compares with nothing, so without it row-level security hides every row.
create function current_organization() returns text
  language sql stable parallel safe
  return nullif(current_setting('app.organization', true), '');

-- Refuses to change or remove what was recorded, also for the owner, whom no grant stops.
create function refuse_change() returns trigger
  language plpgsql set search_path from current as $$
begin
  raise exception 'rows of % are facts: they are never changed or removed', tg_table_name using errcode = 'VL004';
end
$$;

-- Lets a table be seen one organization at a time, also by its owner, and grants the service's role exactly these privileges.
create function protect_tenant_table(t regclass, privileges text) returns void
  language plpgsql set search_path from current as $$
begin
  execute format('alter table %s enable row level security', t);
  execute format('alter table %s force row level security', t);
  execute format('create policy organization_isolation on %s using (organization_id = current_organization()) with check (organization_id = current_organization())', t);
  execute format('revoke all on %s from public', t);
  execute format('grant %s on %s to %I', privileges, t, 'valora_' || current_schema());
end
$$;

-- The same for a table of facts: rows may be added and read, nothing else.
create function protect_append_only(t regclass) returns void
  language plpgsql set search_path from current as $$
begin
  perform protect_tenant_table(t, 'select, insert');
  execute format('create trigger refuse_change before update or delete on %s for each row execute function refuse_change()', t);
  execute format('create trigger refuse_truncate before truncate on %s for each statement execute function refuse_change()', t);
end
$$;

revoke execute on function protect_tenant_table(regclass, text), protect_append_only(regclass) from public;

-- One row per organization. Writers of facts hold it shared, a seal takes it exclusively; sandbox_time is null outside sandboxes.
create table fence (
  organization_id text   not null primary key,
  sealed_through  bigint not null,
  sandbox_time    bigint
);
select protect_tenant_table('fence', 'select, insert, update');

create function ensure_fence(sandbox_time bigint) returns void
  language sql volatile set search_path from current
  begin atomic
    insert into fence (organization_id, sealed_through, sandbox_time)
    values (current_organization(), -62135596800000000, ensure_fence.sandbox_time)
    on conflict do nothing;
  end;

create function fence_exists() returns boolean
  language sql stable set search_path from current
  return exists (select from fence where organization_id = current_organization());

create function raise_fence_missing() returns void
  language plpgsql set search_path from current as $$
begin
  raise exception 'organization % has no fence in schema %', current_organization(), current_schema() using errcode = 'VL001';
end
$$;

-- The queue before the row. Row locks are not fair: while some writer always holds the row shared, a seal waits for ever. Here who asks later stands behind
-- the waiting seal. The row lock remains the truth: it also fails a transaction whose snapshot is older than the last seal.
create function fence_queue() returns bigint
  language sql stable set search_path from current
  return hashtextextended(current_schema() || ' fence of ' || current_organization(), 0);

-- The recorded time of a fact that this transaction stores. The lock comes first and the clock is read by a later statement: once the lock
-- is held no seal can pass, so whatever is stamped here either lies at or after the last seal or is waited for by the next one.
create function take_recorded_time() returns bigint
  language plpgsql volatile set search_path from current as $$
declare
  held fence%rowtype;
begin
  perform pg_advisory_xact_lock_shared(fence_queue());
  select * into held from fence where organization_id = current_organization() for share;
  if not found then
    perform raise_fence_missing();
  end if;
  return greatest(coalesce(held.sandbox_time, now_micros()), held.sealed_through);
end
$$;

-- The organization's clock, without a lock: for answers, never for facts.
create function current_time_micros() returns bigint
  language plpgsql volatile set search_path from current as $$
declare
  seen fence%rowtype;
begin
  select * into seen from fence where organization_id = current_organization();
  if not found then
    perform raise_fence_missing();
  end if;
  return greatest(coalesce(seen.sandbox_time, now_micros()), seen.sealed_through);
end
$$;

-- From now on nothing is recorded before t, and whatever was is committed. Returns how far the organization is sealed. A committed seal at or
-- after t already waited for every earlier writer, so it is enough to see it: no lock is taken then.
create function seal_through(t bigint) returns bigint
  language plpgsql volatile set search_path from current as $$
declare
  held fence%rowtype;
  clock bigint;
begin
  select * into held from fence where organization_id = current_organization();
  if not found then
    perform raise_fence_missing();
  end if;
  if held.sealed_through >= t then
    return held.sealed_through;
  end if;

  perform pg_advisory_xact_lock(fence_queue());
  select * into held from fence where organization_id = current_organization() for update;
  clock := coalesce(held.sandbox_time, now_micros());
  if clock < t then
    raise exception 'cannot seal through %, the clock stands at %', t, clock using errcode = 'VL002';
  end if;
  update fence set sealed_through = greatest(sealed_through, t) where organization_id = current_organization()
    returning sealed_through into held.sealed_through;
  return held.sealed_through;
end
$$;

-- Moves a sandbox's clock forward and returns where it stands; an earlier time changes nothing.
create function set_sandbox_time(t bigint) returns bigint
  language plpgsql volatile set search_path from current as $$
declare
  held fence%rowtype;
begin
  perform pg_advisory_xact_lock(fence_queue());
  select * into held from fence where organization_id = current_organization() for update;
  if not found then
    perform raise_fence_missing();
  end if;
  if held.sandbox_time is null then
    raise exception 'organization % is no sandbox', current_organization() using errcode = 'VL003';
  end if;
  if held.sandbox_time < t then
    update fence set sandbox_time = t where organization_id = current_organization();
  end if;
  return greatest(held.sandbox_time, t);
end
$$;

-- The answer to every mutation, kept for ever: a repeated request_id gets the stored answer.
create table request (
  organization_id text   not null,
  rpc             text   not null,
  request_id      text   not null,
  body_digest     bytea  not null,
  response        bytea  not null,
  recorded_time   bigint not null,
  primary key (organization_id, rpc, request_id)
);
select protect_append_only('request');
