// A collector for tests: takes OTLP traces over gRPC and keeps the spans. Of opentelemetry.proto.trace.v1 it reads the fields that tests look at,
// by their numbers there; the rest is skipped, and the requests are kept as bytes for whoever searches them.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';

export interface ReceivedSpan {
  readonly service: string;
  readonly scope: string;
  readonly name: string;
  /** 32 and 16 hexadecimal digits; the parent is empty for a root. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Empty where there is none. */
  readonly statusMessage: string;
  readonly failed: boolean;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that came, one character a byte. */
  text(): string;
  /** The first answer that is not undefined, looked for now and whenever spans come. */
  until<T>(find: (spans: readonly ReceivedSpan[]) => T | undefined): Promise<T>;
  stop(): void;
}

type Read = (reader: BinaryReader, wireType: number) => void;
const ERROR_STATUS = 2;

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: Buffer[] = [];
  const waiting = new Set<() => void>();
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024 });
  const bytes = (value: Buffer): Buffer => value;
  server.addService(
    { export: { path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes } },
    {
      export({ request }: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
        requests.push(request);
        spans.push(...readRequest(request));
        callback(null, Buffer.alloc(0));
        waiting.forEach((look) => look());
      },
    });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    text: () => Buffer.concat(requests).toString('latin1'),
    until: (find) => new Promise((resolve) => {
      const look = (): void => {
        const found = find(spans);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    }),
    stop: () => server.forceShutdown(),
  };
}

/** Reads a message: a function for each field's number, others are skipped. */
function read(bytes: Uint8Array, fields: Readonly<Record<number, Read>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields[number];
    if (field === undefined) reader.skip(wireType);
    else field(reader, wireType);
  }
}

function readRequest(bytes: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  read(bytes, { 1: (reader) => spans.push(...readResourceSpans(reader.bytes())) });
  return spans;
}

function readResourceSpans(bytes: Uint8Array): ReceivedSpan[] {
  const resource: Record<string, string | number | boolean> = {};
  const scopes: Uint8Array[] = [];
  read(bytes, { 1: (reader) => read(reader.bytes(), { 1: (inner) => Object.assign(resource, readAttribute(inner.bytes())) }), 2: (reader) => scopes.push(reader.bytes()) });
  return scopes.flatMap((scope) => readScopeSpans(scope, String(resource['service.name'] ?? '')));
}

function readScopeSpans(bytes: Uint8Array, service: string): ReceivedSpan[] {
  let scope = '';
  const spans: Uint8Array[] = [];
  read(bytes, { 1: (reader) => read(reader.bytes(), { 1: (inner) => { scope = inner.string(); } }), 2: (reader) => spans.push(reader.bytes()) });
  return spans.map((span) => readSpan(span, { service, scope }));
}

function readSpan(bytes: Uint8Array, of: { readonly service: string; readonly scope: string }): ReceivedSpan {
  const found = { name: '', traceId: '', spanId: '', parentSpanId: '', statusMessage: '', failed: false };
  const attributes: Record<string, string | number | boolean> = {};
  const links: { traceId: string; spanId: string }[] = [];
  read(bytes, {
    1: (reader) => { found.traceId = hex(reader.bytes()); },
    2: (reader) => { found.spanId = hex(reader.bytes()); },
    4: (reader) => { found.parentSpanId = hex(reader.bytes()); },
    5: (reader) => { found.name = reader.string(); },
    9: (reader) => void Object.assign(attributes, readAttribute(reader.bytes())),
    13: (reader) => void links.push(readLink(reader.bytes())),
    15: (reader) => read(reader.bytes(), { 2: (inner) => { found.statusMessage = inner.string(); }, 3: (inner) => { found.failed = inner.int32() === ERROR_STATUS; } }),
  });
  return { ...of, ...found, attributes, links };
}

function readLink(bytes: Uint8Array): { traceId: string; spanId: string } {
  const link = { traceId: '', spanId: '' };
  read(bytes, { 1: (reader) => { link.traceId = hex(reader.bytes()); }, 2: (reader) => { link.spanId = hex(reader.bytes()); } });
  return link;
}

function readAttribute(bytes: Uint8Array): Record<string, string | number | boolean> {
  let key = '';
  let value: string | number | boolean = '';
  read(bytes, {
    1: (reader) => { key = reader.string(); },
    2: (reader) => read(reader.bytes(), {
      1: (inner) => { value = inner.string(); },
      2: (inner) => { value = inner.bool(); },
      3: (inner) => { value = Number(inner.int64()); },
      4: (inner) => { value = inner.double(); },
    }),
  });
  return { [key]: value };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
