// Valora as a process of its own with tracing switched on, as an operator starts it, and a collector beside it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timestampFromInstant } from '@valora/chassis';
import { callerOf, connect, type Caller, type Connection } from '@valora/cli';
import { OrganizationServiceService } from '@valora/contracts/valora/tenancy/v1/organization';
import { parseInstant } from '@valora/rating';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '@valora/testkit/otlp';

export interface TracedOrganization {
  readonly organizationId: string;
  readonly apiKey: string;
  readonly connection: Connection;
  readonly caller: Caller;
}

export interface TracedValora {
  readonly address: string;
  readonly receiver: OtlpReceiver;
  readonly operatorCredential: string;
  /** A sandbox, when its time is given. */
  createOrganization(organization: { readonly requestId: string; readonly displayName: string; readonly sandboxTime?: string }): Promise<TracedOrganization>;
  /** What it wrote to standard error: its logs. */
  logs(): string;
  /** As who holds this credential; closed with it. */
  connect(credential: string): Connection;
  /** Ends it by SIGTERM; answers its exit code. */
  stop(): Promise<number | null>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const LISTENS = /listens on port (\d+)/;

/** Whose scheduler ticks every `tickMs`; with 0, nothing happens there that nobody calls for. */
export async function startTracedValora({ tickMs = 1_000 } = {}): Promise<TracedValora> {
  const receiver = await startOtlpReceiver();
  const dataFolder = mkdtempSync(join(tmpdir(), 'valora-traced-'));
  const child = spawn(process.execPath, ['--conditions=development', '--import', '@valora/chassis/telemetry', 'packages/cli/src/main.ts', 'up'], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DATABASE_URL: '', VALORA_DATA_FOLDER: dataFolder, VALORA_ADDRESS: '127.0.0.1:0', VALORA_TICK_MS: String(tickMs), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: '200' },
  });
  let output = '';
  let logs = '';
  child.stderr.on('data', (chunk: Buffer) => { logs += chunk.toString(); });
  const exited = once(child, 'exit');
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const [, found] = LISTENS.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before it listened: ${logs}`)));
  });
  const address = `127.0.0.1:${port}`;
  const operatorCredential = readFileSync(join(dataFolder, 'operator-credential'), 'utf8').trim();
  const connections: Connection[] = [];
  const connectAs = (credential: string): Connection => {
    const connection = connect(address, credential);
    connections.push(connection);
    return connection;
  };
  const operator = connectAs(operatorCredential);
  return {
    address, receiver, operatorCredential,
    connect: connectAs,
    async createOrganization({ requestId, displayName, sandboxTime }) {
      const { organization, apiKey } = await operator.stub(OrganizationServiceService).createOrganization({
        requestId, organizationId: '', displayName, currencyCode: 'USD', settings: undefined, sandboxTime: sandboxTime === undefined ? undefined : timestampFromInstant(parseInstant(sandboxTime)),
      });
      const connection = connectAs(apiKey);
      return { organizationId: organization?.organizationId ?? '', apiKey, connection, caller: callerOf(connection) };
    },
    logs: () => logs,
    async stop() {
      connections.forEach((connection) => connection.close());
      child.kill('SIGTERM');
      const [code] = await exited as [number | null];
      receiver.stop();
      rmSync(dataFolder, { recursive: true, force: true });
      return code;
    },
  };
}

/** From the root down to this span, as far as the spans are there; undefined while a parent is missing. */
export function ancestry(spans: readonly ReceivedSpan[], span: ReceivedSpan): readonly ReceivedSpan[] | undefined {
  if (span.parentSpanId === '') return [span];
  const parent = spans.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.parentSpanId);
  const above = parent === undefined ? undefined : ancestry(spans, parent);
  return above === undefined ? undefined : [...above, span];
}
