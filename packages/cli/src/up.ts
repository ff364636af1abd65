// `npm start`: Valora until a signal says stop.
import { loadSecrets } from './secrets.ts';
import { startValora } from './start-valora.ts';

const ADDRESS_DEFAULT = '127.0.0.1:50051';
const DATA_FOLDER_DEFAULT = '.valora';
const TICK_INTERVAL_MS = 1_000;

export async function up(environment: Readonly<Record<string, string | undefined>>, print: (line: string) => void): Promise<void> {
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  // An empty variable is as good as none.
  const dataFolder = environment['VALORA_DATA_FOLDER'] || DATA_FOLDER_DEFAULT;
  const databaseUrl = environment['DATABASE_URL'] || undefined;
  const valora = await startValora({
    secrets: loadSecrets(dataFolder, databaseUrl),
    dataFolder,
    address: environment['VALORA_ADDRESS'] || ADDRESS_DEFAULT,
    databaseUrl,
    tickIntervalMs: TICK_INTERVAL_MS,
    metricsAddress: environment['VALORA_METRICS_ADDRESS'] || undefined,
    reflection: (environment['VALORA_REFLECTION'] || (environment['NODE_ENV'] === 'production' ? 'off' : 'on')) === 'on',
  });
  print(`Valora listens on port ${valora.port}. The operator credential is in ${dataFolder}/operator-credential. Stop with Ctrl-C.`);
  await stopped;
  print('Stopping: running calls finish first.');
  await valora.stop();
}
