// A connection to a running Valora with a credential, for the commands and the tests: a client that makes every call once, so
// that what a call met is seen.
import { createClient, type Stub, type ValoraClient } from '@valora/client';

export type CallerStub<Definition> = Stub<Definition>;
export type Connection = ValoraClient;

const CALL_MS_DEFAULT = 60_000;

/** Connects to `host:port`; `credential` null sends none. */
export function connect(address: string, credential: string | null, callMs = CALL_MS_DEFAULT): Connection {
  return createClient({ address, credential, deadlineMs: callMs, retries: 0 });
}
