// `npm start`: Valora until a signal says stop, in one process or, with --separate, in six.
import { tickInterval } from '@valora/chassis';
import { CommandError } from './command.ts';
import { prepareDatabase } from './prepare-database.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { defaultAddresses, startSeparate } from './separate.ts';
import { startValora } from './start-valora.ts';
import { onStopSignal } from './stop-signal.ts';

const HOST_DEFAULT = '127.0.0.1';
const ADDRESS_DEFAULT = `${HOST_DEFAULT}:50051`;
export const DATA_FOLDER_DEFAULT = '.valora';
const TICK_DEFAULT_MS = '1000';

export async function up(separate: boolean, environment: Readonly<Record<string, string | undefined>>, print: (line: string) => void): Promise<void> {
  const stopped = new Promise<void>((resolve) => { onStopSignal(resolve); });
  // An empty variable is as good as none.
  const dataFolder = environment['VALORA_DATA_FOLDER'] || DATA_FOLDER_DEFAULT;
  const databaseUrl = environment['DATABASE_URL'] || undefined;
  const secrets = loadSecrets(dataFolder, databaseUrl);
  const reflection = (environment['VALORA_REFLECTION'] || (environment['NODE_ENV'] === 'production' ? 'off' : 'on')) === 'on';
  const tickIntervalMs = tickInterval(environment['VALORA_TICK_MS'] || TICK_DEFAULT_MS, (problem) => { throw new CommandError(problem); });
  const start = separate ? upSeparate : upTogether;
  const stop = await start({ stopped, secrets, dataFolder, databaseUrl, reflection, tickIntervalMs, print, address: environment['VALORA_ADDRESS'] || undefined, metricsAddress: environment['VALORA_METRICS_ADDRESS'] || undefined });
  print(`The operator credential is in ${dataFolder}/operator-credential. Stop with Ctrl-C.`);
  await stopped;
  print('Stopping: running calls finish first.');
  await stop();
}

interface UpOptions {
  readonly secrets: Secrets;
  readonly dataFolder: string;
  readonly databaseUrl: string | undefined;
  readonly reflection: boolean;
  readonly address: string | undefined;
  /** Null for no tick. Separate services read it themselves. */
  readonly tickIntervalMs: number | null;
  /** Of the one process; separate services have their usual ports. */
  readonly metricsAddress: string | undefined;
  readonly print: (line: string) => void;
  readonly stopped: Promise<void>;
}

async function upTogether({ print, address = ADDRESS_DEFAULT, stopped: _stopped, ...options }: UpOptions): Promise<() => Promise<void>> {
  const valora = await startValora({ ...options, address });
  print(`Valora listens on port ${valora.port}.`);
  return () => valora.stop();
}

/** VALORA_ADDRESS gives the host alone: each service has a port of its own. */
async function upSeparate({ secrets, dataFolder, databaseUrl, reflection, print, address, stopped }: UpOptions): Promise<() => Promise<void>> {
  const database = await prepareDatabase({ dataFolder, databaseUrl, roleSecret: secrets.roleSecret });
  const addresses = defaultAddresses(address?.replace(/:[0-9]*$/, '') ?? HOST_DEFAULT);
  const services = startSeparate({ secrets, databaseUrl: database.url, addresses, reflection, print });
  // One that can't start is started again and again: whoever then says stop is not made to wait for it.
  await Promise.race([services.listening, stopped]);
  for (const [service, at] of Object.entries(addresses)) print(`${service.padEnd('subscription'.length)} listens at ${at}`);
  return async () => {
    await services.stop();
    await database.stop();
  };
}
