/** Tenancy behind a real gRPC server on a database of its own, and a caller for it. */
import { Client, credentials, Metadata, ServerCredentials, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { createPeer, createServiceTokenIssuer, errorDetailsOf, newOperatorCredential, secretDigest, serve, type OutgoingContext, type Peer, serviceDatabaseUrls } from '@valora/chassis';
import { OrganizationServiceService, type CreateOrganizationRequest, type CreateOrganizationResponse } from '@valora/contracts/valora/tenancy/v1/organization';
import { createTestDatabase, type TestDatabase } from '@valora/testkit';
import { createTenancyService } from '../src/service.ts';

export interface RunningTenancy {
  readonly operator: string;
  readonly database: TestDatabase;
  /** Another service's connection, which acts with service tokens. */
  readonly peer: Peer;
  call<Request, Response>(credential: string, method: MethodDefinition<Request, Response>, request: Request): Promise<Response>;
  /** The reason an rpc refuses with, and the fields it names. */
  refusal<Request, Response>(credential: string, method: MethodDefinition<Request, Response>, request: Request): Promise<{ reason: string; fields: string[] }>;
  createOrganization(wanted?: Partial<CreateOrganizationRequest>): Promise<{ organizationId: string; apiKey: string }>;
  stop(): Promise<void>;
}

const CALL_MS_MAX = 20_000;

export function serviceContext(organizationId: string): OutgoingContext {
  return { organizationId, caller: { actor: 'test' }, deadlineMs: Date.now() + CALL_MS_MAX, callDepth: 0 };
}

export async function startTenancy(): Promise<RunningTenancy> {
  const database = await createTestDatabase();
  const operator = newOperatorCredential();
  const serviceTokenKey = new Uint8Array(32).fill(7);
  const service = await createTenancyService({
    databaseUrl: serviceDatabaseUrls(database.url, database.roleSecret), serviceTokenKey, operatorDigest: secretDigest(operator), peerAddress: () => '', poolSizeMax: 8,
  });
  const server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: service.services, reflection: false });
  const address = `127.0.0.1:${server.port}`;
  const client = new Client(address, credentials.createInsecure());
  const peer = createPeer({ address: () => address, channelCredentials: credentials.createInsecure(), service: 'metering', tokens: createServiceTokenIssuer(serviceTokenKey) });
  let requests = 0;

  async function call<Request, Response>(credential: string, method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${credential}`);
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(method.path, method.requestSerialize, method.responseDeserialize, request, metadata, { deadline: Date.now() + CALL_MS_MAX }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no response'));
      });
    });
  }

  return {
    operator, database, peer, call,
    async refusal(credential, method, request) {
      const error = await call(credential, method, request).then(() => { throw new Error(`${method.path} was not refused`); }, (refused: ServiceError) => refused);
      const { reason, fieldViolations } = errorDetailsOf(error);
      return { reason, fields: fieldViolations.map(({ field }) => field) };
    },
    async createOrganization(wanted = {}) {
      requests += 1;
      const request = { requestId: `make-${requests}`, organizationId: '', displayName: 'Acme', currencyCode: 'USD', ...wanted };
      const { organization, apiKey }: CreateOrganizationResponse = await call(operator, OrganizationServiceService.createOrganization, request);
      return { organizationId: organization?.organizationId ?? '', apiKey };
    },
    async stop() {
      client.close();
      peer.close();
      await server.stop(1000);
      await service.close();
      await database.drop();
    },
  };
}
