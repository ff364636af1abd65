// Calls with requests that are bytes already and answers that stay bytes until the clock has stopped: the client shares the machine with what it measures, so it does as
// little as it can.
import { Client, credentials, Metadata } from '@grpc/grpc-js';

export interface RawCalls {
  call(path: string, request: Buffer): Promise<Buffer>;
  close(): void;
}

const CALL_MS = 60_000;
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export function openRawCalls(address: string, apiKey: string): RawCalls {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX, 'grpc.max_send_message_length': MESSAGE_BYTES_MAX });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${apiKey}`);
  const asIs = (bytes: Buffer): Buffer => bytes;
  return {
    call: (path, request) => new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline: Date.now() + CALL_MS }, (error, answer) => {
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error(`${path} answered nothing`));
        else resolve(answer);
      });
    }),
    close: () => client.close(),
  };
}
