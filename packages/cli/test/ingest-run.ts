// An ingest of a text or bytes into a Valora that refuses what a test says: the events that were taken, and the rejects file.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { UsageOutcome, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import { expect } from 'vitest';
import { createCloudEventMapping, type CloudEventMappingOptions } from '../src/ingest/cloud-event-mapping.ts';
import { readCloudEvents } from '../src/ingest/cloud-event-rows.ts';
import { readCsv } from '../src/ingest/csv-rows.ts';
import { fileBytes } from '../src/ingest/file-bytes.ts';
import { ingestRows } from '../src/ingest/ingest-rows.ts';
import { createMapping, type Mapping, type MappingOptions } from '../src/ingest/mapping.ts';
import { readNdjson } from '../src/ingest/ndjson-rows.ts';
import { openRejects } from '../src/ingest/rejects.ts';
import type { Row, RowReader } from '../src/ingest/row.ts';

export interface Ingested {
  readonly events: readonly UsageEvent[];
  /** As bytes that are a character each. */
  readonly rejects: string;
  /** `row reason field: message` */
  readonly refusals: readonly string[];
}

export type Refuse = (event: UsageEvent) => boolean;
export type Send = (content: Buffer | string, refuse?: Refuse) => Promise<Ingested>;

const nothing: Refuse = () => false;

async function ingested<Source extends Row>(reader: RowReader<Source>, mapping: Mapping<Source>, refuse: Refuse): Promise<Ingested> {
  const folder = mkdtempSync(join(tmpdir(), 'valora-ingest-'));
  try {
    const events: UsageEvent[] = [];
    const refusals: string[] = [];
    await reader.columns();
    const rejects = openRejects(join(folder, 'rejects'), reader, { mapping, goOn: false });
    const usage = {
      async recordUsage(request: { readonly events: readonly UsageEvent[] }) {
        events.push(...request.events.filter((event) => !refuse(event)).map(({ idempotencyKey, meter, customer, subscription, eventTime, value, properties }) => ({ idempotencyKey, meter, customer, subscription, eventTime, value, properties })));
        return { outcomes: request.events.map((event) => ({ idempotencyKey: event.idempotencyKey, outcome: refuse(event) ? UsageOutcome.REFUSED : UsageOutcome.RECORDED, reason: 'METER_UNKNOWN', field: 'meter', message: 'No, "never".' })) };
      },
    };
    const onRefused = async (row: Source, refusal: { reason: string; field: string; message: string }): Promise<void> => {
      refusals.push(`${mapping.origin(row).number} ${refusal.reason} ${refusal.field}: ${refusal.message}`);
      await rejects.add(row, refusal);
    };
    for await (const counts of ingestRows({ usage, rows: reader.rows(), mapping, skip: 0, onRefused, options: { batchSize: 2 } })) expect(counts.doneRow).toBeGreaterThanOrEqual(0);
    await rejects.close();
    return { events, refusals, rejects: rejects.count() === 0 ? '' : readFileSync(join(folder, 'rejects'), 'latin1') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const bytesOf = (content: Buffer | string): AsyncGenerator<Buffer, void, undefined> => fileBytes(Readable.from([Buffer.from(content)]));

const plain: MappingOptions = { columns: new Map(), constants: new Map(), meterColumns: new Map(), timeFormat: 'rfc3339', keyFromRow: false, source: 'usage' };
const plainEvents: CloudEventMappingOptions = { places: new Map(), meters: new Map(), values: new Map(), source: 'usage' };

export const sendCsv: Send = (content, refuse = nothing) => ingested(readCsv(bytesOf(content), ','), createMapping(plain), refuse);
export const sendNdjson: Send = (content, refuse = nothing) => ingested(readNdjson(bytesOf(content)), createMapping(plain), refuse);
export const sendCloudEvents = (content: Buffer | string, refuse: Refuse = nothing, options: Partial<CloudEventMappingOptions> = {}): Promise<Ingested> =>
  ingested(readCloudEvents(bytesOf(content)), createCloudEventMapping({ ...plainEvents, ...options }), refuse);
