// Usage as bytes, written field by field, so that a test can send what no generated code would; and the calls that take bytes.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Metadata, status, type Client, type ServiceError } from '@grpc/grpc-js';
import { errorDetailsOf } from '@valora/chassis';
import { RecordUsageResponse, StreamUsageResponse, type RecordUsageOutcome } from '@valora/contracts/valora/metering/v1/usage';

/** A text, or the very bytes that stand for it. */
export type WireText = string | Uint8Array;

export interface WireEvent {
  readonly key: WireText;
  readonly meter?: WireText;
  readonly customer?: WireText;
  readonly subscription?: WireText;
  /** Absent: none is sent. */
  readonly time?: { readonly seconds: bigint; readonly nanos: number } | null;
  readonly value?: WireText;
  /** As they stand on the wire: a name may come twice. */
  readonly properties?: readonly (readonly [WireText, WireText])[];
}

export interface Answer {
  readonly code: keyof typeof status;
  readonly reason: string;
  readonly details: string;
  readonly retryDelayMs: number | null;
  readonly outcomes: readonly RecordUsageOutcome[];
}

export const PATHS = { RecordUsage: '/valora.metering.v1.UsageService/RecordUsage', StreamUsage: '/valora.metering.v1.UsageService/StreamUsage' } as const;
const CALL_MS = 60_000;

function text(writer: BinaryWriter, field: number, value: WireText): void {
  writer.tag(field, WireType.LengthDelimited).bytes(typeof value === 'string' ? Buffer.from(value) : value);
}

function message(writer: BinaryWriter, field: number, fill: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}

export function writeEvent(writer: BinaryWriter, { key, meter = 'tokens', customer = 'acme', subscription = '', time = { seconds: 1_772_366_400n, nanos: 0 }, value = '1', properties = [] }: WireEvent): void {
  text(writer, 1, key);
  text(writer, 2, meter);
  text(writer, 3, customer);
  text(writer, 4, subscription);
  if (time !== null) message(writer, 5, (inner) => inner.tag(1, WireType.Varint).int64(time.seconds).tag(2, WireType.Varint).int32(time.nanos));
  text(writer, 6, value);
  for (const [name, content] of properties) {
    message(writer, 7, (inner) => {
      text(inner, 1, name);
      text(inner, 2, content);
    });
  }
}

/** A request of RecordUsage, or with a sequence a batch of StreamUsage. */
export function usageRequest(events: readonly WireEvent[], sequence: bigint | null = null): Buffer {
  const writer = new BinaryWriter();
  if (sequence !== null) writer.tag(1, WireType.Varint).int64(sequence);
  for (const event of events) message(writer, sequence === null ? 1 : 2, (inner) => writeEvent(inner, event));
  return Buffer.from(writer.finish());
}

const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;

export async function callUnaryRaw(client: Client, path: string, credential: string, request: Buffer): Promise<Answer & { readonly bytes: Buffer }> {
  return await new Promise((resolve) => {
    client.makeUnaryRequest(path, bytesAsTheyAre, bytesAsTheyAre, request, authorized(credential), { deadline: Date.now() + CALL_MS }, (error: ServiceError | null, bytes = Buffer.alloc(0)) => {
      resolve({ ...answerOf(error, path === PATHS.RecordUsage && error === null ? RecordUsageResponse.decode(bytes).outcomes : []), bytes });
    });
  });
}

/** Sends the batches, and closes its side. */
export async function callStreamRaw(client: Client, credential: string, batches: readonly Buffer[]): Promise<Answer> {
  const call = client.makeBidiStreamRequest(PATHS.StreamUsage, bytesAsTheyAre, bytesAsTheyAre, authorized(credential), { deadline: Date.now() + CALL_MS });
  const outcomes: RecordUsageOutcome[] = [];
  return await new Promise((resolve) => {
    call.on('data', (bytes: Buffer) => outcomes.push(...StreamUsageResponse.decode(bytes).outcomes));
    call.on('error', (error: ServiceError) => resolve(answerOf(error, outcomes)));
    call.on('end', () => resolve(answerOf(null, outcomes)));
    for (const batch of batches) call.write(batch);
    call.end();
  });
}

function authorized(credential: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${credential}`);
  return metadata;
}

function answerOf(error: ServiceError | null, outcomes: readonly RecordUsageOutcome[]): Answer {
  if (error === null) return { code: 'OK', reason: '', details: '', retryDelayMs: null, outcomes };
  const { reason, retryDelayMs } = errorDetailsOf(error);
  const code = Object.entries(status).find(([, number]) => number === error.code)?.[0] ?? '';
  return { code: code as keyof typeof status, reason, details: error.details, retryDelayMs, outcomes };
}
