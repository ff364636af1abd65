// A server whose only rpc streams both ways, StreamUsage, answered by the test; and its callers.
import { Client, credentials, Metadata, ServerCredentials, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { errorDetailsOf } from '@valora/client/call';
import { StreamUsageRequest, UsageServiceService, type StreamUsageResponse } from '@valora/contracts/valora/metering/v1/usage';
import { commonErrors, createAdmission, createLog, createServiceMetrics, serve, unaryService, type AdmissionLimits, type CallContext } from '../src/index.ts';

const never = (): Promise<never> => Promise.reject(new Error('not called here'));
const LIMITS: AdmissionLimits = { runningMax: 64, waitingMax: 64, waitingBytesMax: 1e9, shareRunningMax: 64, shareWaitingMax: 64, shareWaitingBytesMax: 1e9 };

export type Answer = (request: StreamUsageRequest, context: CallContext) => Promise<StreamUsageResponse> | StreamUsageResponse;

export interface Streaming {
  /** `host:port` */
  readonly address: string;
  /** Opens a stream of an organization. */
  open(organizationId?: string, options?: { readonly deadlineMs?: number }): Stream;
  /** Makes every credential bad from now on. */
  revoke(): void;
  /** Of handlers that are at work. */
  running(): number;
  /** Streams that are open, as metrics tell. */
  openStreams(): Promise<number>;
  /** What was logged of defects. */
  readonly logged: readonly string[];
  stop(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface Stream {
  readonly call: ClientDuplexStream<Buffer, StreamUsageResponse>;
  write(...sequences: number[]): void;
  /** Answers so far, by their numbers. */
  readonly answers: number[];
  /** Resolves when there are so many answers; rejects when the stream ends before. */
  answered(count: number): Promise<void>;
  /** How it ended: the code's name, with the reason if there is one. */
  readonly ended: Promise<string>;
  /** The delay that was advised, when it has ended. */
  retryDelayMs(): number | null;
}

export const echo: Answer = ({ sequence }) => ({ sequence, outcomes: [] });

export function message(sequence: number, key = ''): Buffer {
  const events = key === '' ? [] : [{ idempotencyKey: key, meter: '', customer: '', subscription: '', eventTime: undefined, value: '', properties: new Map<string, string>() }];
  return Buffer.from(StreamUsageRequest.encode({ sequence: BigInt(sequence), events }).finish());
}

export async function startStreaming(answer: Answer, limits: Partial<AdmissionLimits> = {}): Promise<Streaming> {
  let revoked = false;
  const logged: string[] = [];
  const metrics = createServiceMetrics('test');
  const admission = createAdmission({ ...LIMITS, ...limits });
  const service = unaryService(UsageServiceService, {
    recordUsage: never, voidUsage: never, releaseUsage: never, listUsageVoids: never, listUsageReleases: never, queryUsage: never, getUsageEvent: never, listUsageEvents: never,
    aggregateUsage: never, findLateUsage: never, checkUsage: never,
    streamUsage: (context) => async (request) => await answer(request, context),
  }, {
    async authenticate(metadata) {
      if (revoked) throw commonErrors.CREDENTIAL_INVALID();
      return { organizationId: String(metadata.get('organization')[0]), caller: { kind: 'API_KEY', actor: 'key', scopes: ['admin'] } };
    },
    admission, log: createLog('test', (line) => void logged.push(line)), metrics,
  });
  const server = await serve({ address: '127.0.0.1:0', credentials: ServerCredentials.createInsecure(), services: [service], reflection: false });
  const clients: Client[] = [];
  return {
    address: `127.0.0.1:${server.port}`,
    open(organizationId = 'org_a', { deadlineMs = 20_000 } = {}) {
      const [client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())] = clients;
      clients[0] = client;
      return openStream(client, organizationId, deadlineMs);
    },
    revoke: () => { revoked = true; },
    running: () => admission.load().depths.reduce((sum, { running, waiting }) => sum + running + waiting, 0),
    openStreams: async () => Number(/valora_open_streams\{[^}]*\} (\d+)/.exec(await metrics.registry.metrics())?.[1]),
    logged,
    stop: (graceMs) => server.stop(graceMs),
    async close() {
      for (const client of clients) client.close();
      await server.stop(0);
    },
  };
}

function openStream(client: Client, organizationId: string, deadlineMs: number): Stream {
  const metadata = new Metadata();
  metadata.set('organization', organizationId);
  const { path, responseDeserialize } = UsageServiceService.streamUsage;
  const call = client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize, metadata, { deadline: Date.now() + deadlineMs });
  const answers: number[] = [];
  let told: () => void = () => {};
  let failure: ServiceError | null = null;
  call.on('data', ({ sequence }: StreamUsageResponse) => {
    answers.push(Number(sequence));
    told();
  });
  call.on('error', (error: ServiceError) => { failure = error; });
  const ended = new Promise<string>((resolve) => {
    call.on('status', ({ code }) => setImmediate(() => resolve([status[code], failure === null ? '' : errorDetailsOf(failure).reason].join(' ').trim())));
  });
  return {
    call, answers, ended,
    write: (...sequences) => { for (const sequence of sequences) call.write(message(sequence)); },
    async answered(count) {
      while (answers.length < count) {
        const end = await Promise.race([new Promise<void>((resolve) => { told = resolve; }), ended]);
        if (end !== undefined && answers.length < count) throw new Error(`The stream ended with ${end} after ${answers.length} answers.`);
      }
    },
    retryDelayMs: () => (failure === null ? null : errorDetailsOf(failure).retryDelayMs),
  };
}
