// A gRPC server of a test's own that answers RecordUsage, ListMeters and CreateMeter as the test says.
import { Metadata, Server, ServerCredentials, type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall, status, type StatusObject } from '@grpc/grpc-js';
import { DETAILS_TRAILER } from '@valora/client/call';
import { BadRequest, ErrorInfo, RetryInfo } from '@valora/contracts/google/rpc/error_details';
import { Status } from '@valora/contracts/google/rpc/status';
import { MeterServiceService, type CreateMeterRequest, type CreateMeterResponse, type ListMetersRequest, type ListMetersResponse } from '@valora/contracts/valora/metering/v1/meter';
import { UsageOutcome, UsageServiceService, type RecordUsageRequest, type RecordUsageResponse, type StreamUsageRequest, type StreamUsageResponse, type UsageEvent } from '@valora/contracts/valora/metering/v1/usage';

export interface Answers {
  readonly recordUsage?: (request: RecordUsageRequest) => Promise<RecordUsageResponse> | RecordUsageResponse;
  readonly streamUsage?: (call: ServerDuplexStream<StreamUsageRequest, StreamUsageResponse>) => void;
  readonly createMeter?: (request: CreateMeterRequest) => Promise<CreateMeterResponse> | CreateMeterResponse;
  readonly listMeters?: (request: ListMetersRequest) => Promise<ListMetersResponse> | ListMetersResponse;
}

export interface TestServer {
  readonly address: string;
  /** Cuts every connection. */
  stop(): void;
}

export async function startTestServer(answers: Answers, address = '127.0.0.1:0'): Promise<TestServer> {
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024 });
  const answering = <Request, Response>(answer: ((request: Request) => Promise<Response> | Response) | undefined) =>
    (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      const respond = async (): Promise<Response> => {
        if (answer === undefined) throw failure('UNIMPLEMENTED');
        return await answer(call.request);
      };
      respond().then((response) => callback(null, response), (error: Partial<StatusObject>) => callback(error));
    };
  server.addService(UsageServiceService, { recordUsage: answering(answers.recordUsage), ...(answers.streamUsage === undefined ? {} : { streamUsage: answers.streamUsage }) });
  server.addService(MeterServiceService, { createMeter: answering(answers.createMeter), listMeters: answering(answers.listMeters) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

export interface FailureDetails {
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly field?: string;
  readonly retryDelayMs?: number;
}

/** A status as Valora's services answer it. */
export function failure(code: keyof typeof status, { reason, metadata = {}, field, retryDelayMs }: FailureDetails = {}): Error & Partial<StatusObject> {
  const packed = (name: string, writer: { finish(): Uint8Array }): { typeUrl: string; value: Buffer } => ({ typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(writer.finish()) });
  const details = [
    ...(reason === undefined ? [] : [packed('ErrorInfo', ErrorInfo.encode({ reason, domain: 'valora', metadata: new Map(Object.entries(metadata)) }))]),
    ...(field === undefined ? [] : [packed('BadRequest', BadRequest.encode({ fieldViolations: [{ field, reason: 'MISSING', description: 'Must be given.' }] }))]),
    ...(retryDelayMs === undefined ? [] : [packed('RetryInfo', RetryInfo.encode({ retryDelay: { seconds: BigInt(Math.trunc(retryDelayMs / 1000)), nanos: (retryDelayMs % 1000) * 1_000_000 } }))]),
  ];
  const trailer = new Metadata();
  if (details.length > 0) trailer.set(DETAILS_TRAILER, Buffer.from(Status.encode({ code: status[code], message: 'refused', details }).finish()));
  return Object.assign(new Error('refused'), { code: status[code], details: 'refused', metadata: trailer });
}

export function event(idempotencyKey: string, properties: ReadonlyMap<string, string> = new Map()): UsageEvent {
  return { idempotencyKey, meter: 'requests', customer: 'acme', subscription: '', eventTime: { seconds: 1n, nanos: 0 }, value: '1', properties: new Map(properties) };
}

export function recorded({ events }: RecordUsageRequest): RecordUsageResponse {
  return { outcomes: events.map(({ idempotencyKey }) => ({ idempotencyKey, outcome: UsageOutcome.RECORDED, reason: '', field: '', message: '' })) };
}

export function refused(idempotencyKey: string): RecordUsageResponse['outcomes'][number] {
  return { idempotencyKey, outcome: UsageOutcome.REFUSED, reason: 'METER_UNKNOWN', field: 'meter', message: 'There is no such meter.' };
}
