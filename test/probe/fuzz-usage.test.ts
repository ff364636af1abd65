/** Mutated messages of every usage rpc: refused with a reason or answered, never INTERNAL, never without an answer, and events sent in between are recorded. `VALORA_ROUNDS=25` sends 100,000. */
import { Client, credentials } from '@grpc/grpc-js';
import { createServiceTokenIssuer, timestampFromInstant } from '@valora/chassis';
import { Aggregation } from '@valora/contracts/valora/metering/v1/meter';
import { QueryUsageRequest } from '@valora/contracts/valora/metering/v1/query_usage';
import { AggregateUsageRequest, GetUsageEventRequest, ListUsageEventsRequest, UsageOutcome } from '@valora/contracts/valora/metering/v1/usage';
import { ReleaseUsageRequest, VoidUsageRequest } from '@valora/contracts/valora/metering/v1/usage_correction';
import { parseInstant } from '@valora/rating';
import { seeded } from '@valora/testkit/seeded';
import { startTestValora, type TestOrganization, type TestValora } from '@valora/testkit/valora';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutated } from './mutate-message.ts';
import { callStreamRaw, callUnaryRaw, PATHS, usageRequest, type Answer } from './usage-wire.ts';

const ROUNDS = Number(process.env['VALORA_ROUNDS'] ?? '1');
const SEED = Number(process.env['VALORA_SEED'] || Date.now() % 2 ** 31);
const MESSAGES = 4_000 * ROUNDS;
/** Below the 16 streams that an organization may have open. */
const CALLERS = 14;
const NEIGHBOUR_EVERY = 20;

let valora: TestValora;
let client: Client;
let organization: TestOrganization;
beforeAll(async () => {
  valora = await startTestValora();
  client = new Client(valora.address, credentials.createInsecure());
  organization = await valora.createOrganization({ sandboxTime: '2026-03-01T12:00:00Z' });
  for (const [code, aggregation] of [['tokens', Aggregation.SUM], ['calls', Aggregation.COUNT], ['level', Aggregation.WEIGHTED_SUM]] as const) {
    await organization.connection.meters.createMeter({ requestId: code, meter: { code, displayName: '', aggregation, filters: [], uniqueProperty: '', takesNegativeValues: true } });
  }
  await callUnaryRaw(client, PATHS.RecordUsage, organization.apiKey, usageRequest(Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, properties: [['region', index % 2 === 0 ? 'eu' : 'us']] }))));
});
afterAll(async () => {
  client.close();
  await valora.stop();
});

const at = (text: string) => timestampFromInstant(parseInstant(text));
const period = { startTime: at('2026-03-01T00:00:00Z'), endTime: at('2026-03-02T00:00:00Z') };
const query = { meter: 'tokens', customer: 'acme', subscription: '', period, groupBy: ['region'] };
const rpc = (name: string): string => `/valora.metering.v1.UsageService/${name}`;
const correction = (number: number) => ({ requestId: `r${number}`, idempotencyKeys: ['k0', `k${1 + (number % 48)}`], reason: 'mistake' });

/** A good message of each rpc but StreamUsage, by path. */
const requests: readonly (readonly [path: string, make: (number: number) => Uint8Array])[] = [
  [PATHS.RecordUsage, (number) => usageRequest([{ key: `f${number}`, properties: [['region', 'eu']] }, { key: `g${number}`, meter: 'calls', subscription: 's', value: '' }, { key: 'k1' }])],
  [rpc('VoidUsage'), (number) => VoidUsageRequest.encode(correction(number)).finish()],
  [rpc('ReleaseUsage'), (number) => ReleaseUsageRequest.encode(correction(number)).finish()],
  [rpc('QueryUsage'), () => QueryUsageRequest.encode({ ...query, window: 1, timeZone: 'Europe/Paris', knownBeforeTime: at('2026-03-01T12:00:00Z') }).finish()],
  [rpc('GetUsageEvent'), (number) => GetUsageEventRequest.encode({ idempotencyKey: `k${number % 50}` }).finish()],
  [rpc('ListUsageEvents'), () => ListUsageEventsRequest.encode({ meter: 'tokens', customer: 'acme', period, pageSize: 2, pageToken: Buffer.from('["1772366400000000","k1"]').toString('base64url') }).finish()],
  [rpc('AggregateUsage'), () => AggregateUsageRequest.encode({ useStoredLevels: true, queries: [
    { queryKey: 'q', ...query, knownBeforeTime: at('2026-03-01T12:00:00Z'), needsEventValues: true, lateness: { policy: { $case: 'carryForward', value: { cutoffTime: at('2026-03-02T00:00:00Z'), carried: [{ eventPeriod: period, recordedPeriod: period }] } } } },
    { queryKey: 'w', ...query, meter: 'level', fullPeriod: period, knownBeforeTime: at('2026-03-01T12:00:00Z'), needsEventValues: false },
  ] }).finish()],
];

const TOLERATED: readonly string[] = ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'FAILED_PRECONDITION'];

/** What an answer says that must not be; null if it is as it has to be. */
function faultOf({ code, reason, details }: Answer): string | null {
  const reasoned = code === 'OK' || reason !== '';
  return TOLERATED.includes(code) && reasoned ? null : `${code} ${reason}: ${details}`;
}

test(`${MESSAGES} mutated messages (VALORA_SEED=${SEED}): each has an answer with a reason, and every event of a neighbour is recorded`, async () => {
  const below = seeded(SEED);
  const issuer = createServiceTokenIssuer(valora.secrets.serviceTokenKey);
  const faults: string[] = [];
  const answered = new Map<string, number>();
  const neighbours: string[] = [];
  let sent = 0;

  async function sendMutant(number: number): Promise<void> {
    const [path, make] = requests[below(requests.length + 2)] ?? [PATHS.StreamUsage, (key: number) => usageRequest([{ key: `s${key}` }, { key: `t${key}`, value: '-1' }], 2n)];
    const bytes = mutated(make(number), below);
    const streamed = path === PATHS.StreamUsage;
    const credential = path.endsWith('AggregateUsage') ? await issuer.issue({ service: 'invoicing', organizationId: organization.organizationId, actor: 'fuzz' }, Date.now()) : organization.apiKey;
    const answer = streamed
      ? await callStreamRaw(client, credential, [usageRequest([{ key: `before${number}` }], 1n), bytes, usageRequest([{ key: `after${number}` }], 2n ** 62n)])
      : await callUnaryRaw(client, path, credential, bytes);
    const fault = faultOf(answer) ?? (streamed && answer.outcomes[0]?.outcome !== UsageOutcome.RECORDED ? 'the batch before was not acknowledged' : null);
    if (fault !== null) faults.push(`message ${number} of ${path}: ${fault}\n${bytes.subarray(0, 300).toString('hex')}`);
    const name = `${path.split('/')[2] ?? ''} ${answer.code}`;
    answered.set(name, (answered.get(name) ?? 0) + 1);
    if (streamed) neighbours.push(`before${number}`);
  }

  async function sendNeighbour(number: number): Promise<void> {
    const key = `neighbour${number}`;
    neighbours.push(key);
    const { outcomes } = await callUnaryRaw(client, PATHS.RecordUsage, organization.apiKey, usageRequest([{ key }]));
    if (outcomes[0]?.outcome !== UsageOutcome.RECORDED) faults.push(`neighbour ${number} was not recorded`);
  }

  await Promise.all(Array.from({ length: CALLERS }, async () => {
    while (sent < MESSAGES && faults.length < 10) {
      sent += 1;
      const number = sent;
      await Promise.all([sendMutant(number), ...(number % NEIGHBOUR_EVERY === 0 ? [sendNeighbour(number)] : [])]);
    }
  }));
  process.stdout.write(`VALORA_SEED=${SEED}: ${JSON.stringify({ messages: sent, neighbours: neighbours.length, answered: Object.fromEntries(answered) })}\n`);
  expect(faults).toEqual([]);
  expect(await recordedOf(neighbours)).toBe(neighbours.length);
  // Neither all refused nor all let through: the mutants are near enough to good messages to get somewhere.
  for (const name of ['RecordUsage', 'StreamUsage', 'VoidUsage', 'ListUsageEvents', 'AggregateUsage']) {
    expect([name, answered.get(`${name} OK`) ?? 0, answered.get(`${name} INVALID_ARGUMENT`) ?? 0]).toEqual([name, expect.toSatisfy((count: number) => count > 0), expect.toSatisfy((count: number) => count > 0)]);
  }
}, 60_000 + 60_000 * ROUNDS);

async function recordedOf(keys: readonly string[]): Promise<number> {
  const owner = new pg.Client({ connectionString: valora.database.url });
  await owner.connect();
  const { rows: [row] } = await owner.query<{ found: string }>('select count(*) as found from metering.usage_event where organization_id = $1 and idempotency_key = any($2)', [organization.organizationId, keys]);
  await owner.end();
  return Number(row?.found);
}
