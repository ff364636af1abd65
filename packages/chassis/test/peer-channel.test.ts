/** Calls between services that meet UNAVAILABLE: what may be repeated is, a claim is not. */
import { credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { BillingCycleServiceService, DueWorkServiceService, DueWorkKind } from '@valora/contracts/valora/subscription/v1/billing_cycle';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPeer, createServiceTokenIssuer, type OutgoingContext, type Peer } from '../src/index.ts';

const LEASE = { seconds: 1n, nanos: 0 };
const context = (): OutgoingContext => ({ organizationId: 'org_a', caller: { actor: 'test' }, deadlineMs: Date.now() + 10_000, callDepth: 0 });

let server: Server;
let peer: Peer;
/** By rpc, how often it was called. */
let calls: Map<string, number>;
beforeEach(async () => {
  calls = new Map();
  server = new Server();
  for (const definition of [BillingCycleServiceService, DueWorkServiceService]) {
    server.addService(definition, Object.fromEntries(Object.keys(definition).map((name) => [name, (_call: unknown, answer: (error: object | null, response?: object) => void) => {
      const count = (calls.get(name) ?? 0) + 1;
      calls.set(name, count);
      if (count === 1) answer({ code: status.UNAVAILABLE, details: 'not yet' });
      else answer(null, { organizationIds: [], cycles: [] });
    }])));
  }
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  peer = createPeer({ address: () => `127.0.0.1:${port}`, channelCredentials: credentials.createInsecure(), service: 'test', tokens: createServiceTokenIssuer(new Uint8Array(32).fill(7)) });
});
afterEach(() => {
  peer.close();
  server.forceShutdown();
});

test('what may be repeated is repeated', async () => {
  await peer.stub(DueWorkServiceService).getNextDueTime(context(), {});
  expect(calls).toEqual(new Map([['getNextDueTime', 2]]));
});

test.each<[name: string, claim: () => Promise<unknown>]>([
  ['claimDueCycles', () => peer.stub(BillingCycleServiceService).claimDueCycles(context(), { batchSizeMax: 1, leaseDuration: LEASE, withoutRetryDelay: false })],
  ['claimOrganizations', () => peer.stub(DueWorkServiceService).claimOrganizations(context(), { kind: DueWorkKind.OPEN_CYCLES, batchSizeMax: 1, leaseDuration: LEASE })],
])('%s is made once: another would take other work', async (name, claim) => {
  await expect(claim()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(calls).toEqual(new Map([[name, 1]]));
});
