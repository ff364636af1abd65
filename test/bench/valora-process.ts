// The process that is measured: a whole Valora, told over the process channel what to start with, and gone when the bench is.
import { startValora, type Secrets } from '@valora/cli';

export interface StartOrder {
  readonly secrets: Secrets;
  readonly databaseUrl: string;
  readonly tickIntervalMs: number | null;
}

process.once('message', (order: StartOrder) => void start(order));

/** Asked for by any message after the first. */
function processorMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function start({ secrets, databaseUrl, tickIntervalMs }: StartOrder): Promise<void> {
  try {
    const valora = await startValora({ secrets, databaseUrl, dataFolder: '', address: '127.0.0.1:0', tickIntervalMs, reflection: false });
    process.on('message', () => process.send?.({ processorMicros: processorMicros() }));
    process.once('disconnect', () => void valora.stop().finally(() => process.exit()));
    process.send?.({ port: valora.port });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  }
}
