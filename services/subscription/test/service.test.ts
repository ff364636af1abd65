/** The service as it is put together: its contracts behind a real server, called with a service token. */
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { CallError, createPeer, createServiceTokenIssuer, serve, type OutgoingContext, type Peer, type RunningServer, type RunningService, serviceDatabaseUrls } from '@valora/chassis';
import { CustomerServiceService } from '@valora/contracts/valora/subscription/v1/customer';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSubscriptionService } from '../src/service.ts';

let testDatabase: TestDatabase;
let service: RunningService;
let server: RunningServer;
let peer: Peer;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const serviceTokenKey = new Uint8Array(32).fill(7);
  service = await createSubscriptionService({
    databaseUrl: serviceDatabaseUrls(testDatabase.url, testDatabase.roleSecret), serviceTokenKey, operatorDigest: new Uint8Array(32), peerAddress: () => '127.0.0.1:1', poolSizeMax: 4,
    writeLog: () => {},
  });
  server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: service.services, reflection: false });
  peer = createPeer({ address: () => `127.0.0.1:${server.port}`, channelCredentials: credentials.createInsecure(), service: 'invoicing', tokens: createServiceTokenIssuer(serviceTokenKey) });
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

test('a service may read customers, and an absent one is NOT_FOUND', async () => {
  const customers = peer.stub(CustomerServiceService);
  expect(await customers.listCustomers(context(), { pageSize: 0, pageToken: '' })).toEqual({ customers: [], nextPageToken: '' });
  expect(await refusedWith(customers.getCustomer(context(), { reference: 'absent' }))).toBe('NOT_FOUND');
});

test('a service may not create customers', async () => {
  expect(await refusedWith(peer.stub(CustomerServiceService).createCustomer(context(), { requestId: 'r' }))).toBe('SCOPE_MISSING');
});
