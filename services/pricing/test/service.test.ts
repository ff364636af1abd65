/** The service as it is put together: its contracts behind a real server, called with a service token. */
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { CallError, createPeer, createServiceTokenIssuer, serve, type OutgoingContext, type Peer, type RunningServer, type RunningService, serviceDatabaseUrls } from '@valora/chassis';
import { CatalogServiceService } from '@valora/contracts/valora/pricing/v1/catalog';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPricingService } from '../src/service.ts';

let testDatabase: TestDatabase;
let service: RunningService;
let server: RunningServer;
let peer: Peer;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const serviceTokenKey = new Uint8Array(32).fill(7);
  service = await createPricingService({
    databaseUrl: serviceDatabaseUrls(testDatabase.url, testDatabase.roleSecret), serviceTokenKey, operatorDigest: new Uint8Array(32), peerAddress: () => '127.0.0.1:1', poolSizeMax: 4,
    writeLog: () => {},
  });
  server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: service.services, reflection: false });
  peer = createPeer({ address: () => `127.0.0.1:${server.port}`, channelCredentials: credentials.createInsecure(), service: 'subscription', tokens: createServiceTokenIssuer(serviceTokenKey) });
});
afterAll(async () => {
  peer.close();
  await server.stop(1000);
  await service.close();
  await testDatabase.drop();
});

const context = (): OutgoingContext => ({ organizationId: 'org_a', caller: { actor: 'test' }, deadlineMs: Date.now() + 20_000, callDepth: 0 });

async function refusedWith(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(() => 'nothing', (refused: unknown) => refused);
  return error instanceof CallError ? error.reason : String(error);
}

test('a service may read the catalog, and an absent price is NOT_FOUND', async () => {
  const catalog = peer.stub(CatalogServiceService);
  expect(await catalog.listPrices(context(), { pageSize: 0, pageToken: '' })).toEqual({ prices: [], nextPageToken: '' });
  expect(await refusedWith(catalog.getPrice(context(), { code: 'absent' }))).toBe('NOT_FOUND');
});

test('a service may not write the catalog', async () => {
  expect(await refusedWith(peer.stub(CatalogServiceService).createPlan(context(), { requestId: 'r' }))).toBe('SCOPE_MISSING');
});
