// A connection to a running Valora with a credential, for the commands and the tests: a caller like any other.
import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import { callUnary, type RequestOf, type ResponseOf } from '@valora/chassis';

export type CallerStub<Definition> = {
  readonly [Name in keyof Definition]: (request: RequestOf<Definition[Name]>) => Promise<ResponseOf<Definition[Name]>>;
};

export interface Connection {
  stub<Definition extends object>(definition: Definition): CallerStub<Definition>;
  close(): void;
}

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CALL_MS_DEFAULT = 60_000;

/** Connects to `host:port`; `credential` null sends none. */
export function connect(address: string, credential: string | null, callMs = CALL_MS_DEFAULT): Connection {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  });
  const metadata = new Metadata();
  if (credential !== null) metadata.set('authorization', `Bearer ${credential}`);
  return {
    stub<Definition extends object>(definition: Definition): CallerStub<Definition> {
      const rpcs = Object.entries(definition).map(([name, method]: [string, MethodDefinition<never, unknown>]) =>
        [name, (request: unknown) => callUnary(client, { method, request, metadata, options: { deadline: Date.now() + callMs } })] as const);
      return Object.fromEntries(rpcs) as CallerStub<Definition>;
    },
    close: () => client.close(),
  };
}
