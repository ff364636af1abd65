// One service alone, as it is put together: its contracts behind a real server on a database of its own, called with a
// service token. What it would ask of others can't be reached.
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { CallError, createPeer, createServiceTokenIssuer, serve, serviceDatabaseUrls, type OutgoingContext, type Peer, type Platform, type RunningService } from '@valora/chassis';
import { createTestDatabase } from './test-database.ts';

export interface TestService {
  readonly peer: Peer;
  stop(): Promise<void>;
}

const CALL_MS = 20_000;
const GRACE_MS = 1_000;
const KEY_BYTES = 32;

/** `caller` is the service in whose name the peer calls. */
export async function startTestService(create: (platform: Platform) => Promise<RunningService>, caller: string): Promise<TestService> {
  const database = await createTestDatabase();
  const serviceTokenKey = new Uint8Array(KEY_BYTES).fill(7);
  const service = await create({
    databaseUrl: serviceDatabaseUrls(database.url, database.roleSecret), serviceTokenKey, operatorDigest: new Uint8Array(KEY_BYTES), peerAddress: () => '127.0.0.1:1', poolSizeMax: 4,
    writeLog: () => {},
  });
  const server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: service.services, reflection: false });
  const peer = createPeer({ address: () => `127.0.0.1:${server.port}`, channelCredentials: credentials.createInsecure(), service: caller, tokens: createServiceTokenIssuer(serviceTokenKey) });
  return {
    peer,
    async stop() {
      peer.close();
      await server.stop(GRACE_MS);
      await service.close();
      await database.drop();
    },
  };
}

export function contextFor(organizationId: string): OutgoingContext {
  return { organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + CALL_MS, callDepth: 0 };
}

/** The reason with which a call is refused. */
export async function refusedWith(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(() => 'nothing', (refused: unknown) => refused);
  return error instanceof CallError ? error.reason : String(error);
}
