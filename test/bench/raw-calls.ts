// Calls with requests that are bytes already and answers that stay bytes until the clock has stopped: the client shares the machine with what it measures, so it does as
// little as it can.
import { Client, credentials, Metadata } from '@grpc/grpc-js';

export interface RawCalls {
  call(path: string, request: Buffer): Promise<Buffer>;
  /** A call in both directions that answers each message, in order. */
  open(path: string): RawStream;
  close(): void;
}

export interface RawStream {
  send(request: Buffer): Promise<Buffer>;
  /** Resolves when the server has ended it too. */
  end(): Promise<void>;
}

const CALL_MS = 60_000;
const STREAM_MS = 10 * 60_000;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export function openRawCalls(address: string, apiKey: string): RawCalls {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX, 'grpc.max_send_message_length': MESSAGE_BYTES_MAX });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${apiKey}`);
  return {
    call: (path, request) => new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline: Date.now() + CALL_MS }, (error, answer) => {
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error(`${path} answered nothing`));
        else resolve(answer);
      });
    }),
    open: (path) => streamOf(client, path, metadata),
    close: () => client.close(),
  };
}

function streamOf(client: Client, path: string, metadata: Metadata): RawStream {
  const stream = client.makeBidiStreamRequest(path, asIs, asIs, metadata, { deadline: Date.now() + STREAM_MS });
  const waiting: { readonly resolve: (answer: Buffer) => void; readonly reject: (error: Error) => void }[] = [];
  const ended = new Promise<void>((resolve) => { stream.on('end', resolve).on('error', () => resolve()); });
  stream.on('data', (answer: Buffer) => waiting.shift()?.resolve(answer));
  stream.on('error', (error) => waiting.splice(0).forEach(({ reject }) => reject(error)));
  return {
    send: (request) => new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      stream.write(request);
    }),
    async end() {
      stream.end();
      await ended;
    },
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
