// The floor of ingest: a multi-row INSERT … ON CONFLICT into copies of metering's two tables, with their columns, constraints, indexes and partitions, in a schema of the bench. The
// owner writes, without row-level security, fence, digests to compare or anything to answer: what PostgreSQL alone needs to make the same rows durable, once each.
import pg from 'pg';
import { sendAll } from './rounds.ts';
import type { Round } from './report.ts';

export interface BareInsert {
  /** Sends the batches over as many connections as asked for, one statement and one commit for each. */
  send(batches: readonly (readonly string[])[], connections: number): Promise<Round>;
  close(): Promise<void>;
}

export const BARE_SCHEMA = 'bench';
export const BARE_ORGANIZATION = 'org_bench';

const INSERT = `
  with event as materialized (
    select * from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::numeric[], $8::jsonb[])
      as event (idempotency_key, content_digest, meter_code, customer_reference, subscription_reference, event_time, value, properties)
  ), keys as (
    insert into ${BARE_SCHEMA}.usage_key (organization_id, idempotency_key, content_digest, meter_code, customer_reference, event_time)
    select '${BARE_ORGANIZATION}', idempotency_key, content_digest, meter_code, customer_reference, event_time from event
    on conflict do nothing
  )
  insert into ${BARE_SCHEMA}.usage_event
    (organization_id, meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, recorded_time)
  select '${BARE_ORGANIZATION}', meter_code, customer_reference, event_time, idempotency_key, subscription_reference, value, properties, content_digest, $9::bigint from event
  on conflict do nothing`;

/** Makes the copies of the tables anew and connects. */
export async function openBareInsert(databaseUrl: string, owner: pg.Client, connectionsMax: number): Promise<BareInsert> {
  await owner.query(`drop schema if exists ${BARE_SCHEMA} cascade; create schema ${BARE_SCHEMA};
    create table ${BARE_SCHEMA}.usage_key (like metering.usage_key including all);
    create table ${BARE_SCHEMA}.usage_event (like metering.usage_event including all) partition by range (event_time)`);
  const { rows } = await owner.query<{ name: string; bounds: string }>(
    `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = 'metering.usage_event'::regclass`);
  for (const { name, bounds } of rows) await owner.query(`create table ${BARE_SCHEMA}.${name} partition of ${BARE_SCHEMA}.usage_event ${bounds}`);
  const clients = await Promise.all(Array.from({ length: connectionsMax }, async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    return client;
  }));
  return {
    async send(batches, connections) {
      const free = clients.slice(0, connections);
      return await sendAll(batches, connections, async (batch) => {
        const client = free.pop();
        if (client === undefined) throw new Error('more senders than connections');
        await client.query({ name: 'bare-insert', text: INSERT, values: [...batch, `${Date.now()}000`] });
        free.push(client);
      });
    },
    close: async () => void await Promise.all(clients.map((client) => client.end())),
  };
}
