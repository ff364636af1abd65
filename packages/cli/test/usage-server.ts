// A gRPC server of a test's own that takes usage without keeping it, and answers QueryUsage as the test says.
import { Server, ServerCredentials, type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall } from '@grpc/grpc-js';
import { UsageOutcome, UsageServiceService, type RecordUsageRequest, type RecordUsageResponse, type StreamUsageRequest, type StreamUsageResponse, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';
import type { QueryUsageRequest, QueryUsageResponse } from '@valora/contracts/valora/metering/v1/query_usage';

export interface UsageServer {
  readonly address: string;
  stop(): void;
}

export interface UsageAnswers {
  /** Sees the events of each request before they are acknowledged. */
  readonly taken?: (events: readonly UsageEvent[]) => void;
  readonly query?: (request: QueryUsageRequest) => QueryUsageResponse;
}

export async function startUsageServer({ taken = () => {}, query = () => ({ windows: [], isEstimate: true, knownBeforeTime: undefined }) }: UsageAnswers): Promise<UsageServer> {
  const server = new Server();
  const outcomes = (events: readonly UsageEvent[]): RecordUsageResponse['outcomes'] => {
    taken(events);
    return events.map(({ idempotencyKey }) => ({ idempotencyKey, outcome: UsageOutcome.RECORDED, reason: '', field: '', message: '' }));
  };
  server.addService(UsageServiceService, {
    recordUsage: ({ request }: ServerUnaryCall<RecordUsageRequest, RecordUsageResponse>, callback: sendUnaryData<RecordUsageResponse>) => callback(null, { outcomes: outcomes(request.events) }),
    queryUsage: ({ request }: ServerUnaryCall<QueryUsageRequest, QueryUsageResponse>, callback: sendUnaryData<QueryUsageResponse>) => callback(null, query(request)),
    streamUsage(call: ServerDuplexStream<StreamUsageRequest, StreamUsageResponse>) {
      call.on('data', ({ sequence, events }: StreamUsageRequest) => void call.write({ sequence, outcomes: outcomes(events) }));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
