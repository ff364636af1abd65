// What a command has at hand: the connections it may ask for, and the ways to answer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type TlsOptions, type ValoraClient } from '@valora/client';
import { parsePair, wholeNumber, type Arguments } from './arguments.ts';
import { CommandError, UsageError } from './command.ts';
import { ADDRESS_DEFAULT, DATA_FOLDER_DEFAULT } from './global-options.ts';
import { createOutput, type Output } from './output.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process around a command; tests hand in their own. */
export interface Surroundings {
  readonly environment: Environment;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: { write(text: string): boolean; once(event: 'drain', listener: () => void): unknown };
  readonly stderr: { write(text: string): boolean; readonly isTTY?: boolean };
  /** Aborted when the user says stop; who doesn't ask for it is ended at once. */
  stopSignal(): AbortSignal;
}

export interface CommandContext extends Surroundings {
  readonly json: boolean;
  readonly output: Output;
  /** Connects with the API key; throws UsageError without one. */
  client(): ValoraClient;
  /** Connects with the operator credential. */
  operator(): ValoraClient;
  /** Something for people while the command works; on standard error, and silent with --json. */
  note(line: string): void;
  close(): void;
}

const DEADLINE_S = { default: '30', max: 600 };

export function createContext(surroundings: Surroundings, args: Arguments): CommandContext {
  const { environment, stdout, stderr } = surroundings;
  const json = args.flag('json');
  const connected: ValoraClient[] = [];
  const connect = (credential: string): ValoraClient => {
    const deadlineMs = wholeNumber('--deadline', args.optional('deadline') ?? DEADLINE_S.default, { min: 1, max: DEADLINE_S.max }) * 1000;
    const client = createClient({ address: addressesOf(addressOf(environment, args)), credential, tls: tlsOptions(args), deadlineMs });
    connected.push(client);
    return client;
  };
  return {
    ...surroundings,
    json,
    output: createOutput(stdout, json),
    client: () => connect(apiKey(environment, args)),
    operator: () => connect(operatorCredential(environment, args)),
    note: (line) => void (json || stderr.write(`${line}\n`)),
    close: () => connected.forEach((client) => client.close()),
  };
}

export function addressOf(environment: Environment, args: Arguments): string {
  // An empty variable is as good as none.
  return args.optional('address') ?? (environment['VALORA_ADDRESS'] || ADDRESS_DEFAULT);
}

/** `tenancy=host:port,metering=host:port,…` where the services are at addresses of their own. */
function addressesOf(text: string): string | Readonly<Record<string, string>> {
  return text.includes('=') ? Object.fromEntries(text.split(',').map((each) => parsePair('--address', each))) : text;
}

function apiKey(environment: Environment, args: Arguments): string {
  const file = args.optional('key-file');
  const key = args.optional('key') ?? (file === null ? environment['VALORA_API_KEY'] || null : readText(file).trim());
  if (key === null) throw new UsageError('This needs an API key. Set VALORA_API_KEY, or give --key-file <file>. `valora org create` and `valora key create` make keys.');
  return key;
}

function operatorCredential(environment: Environment, args: Arguments): string {
  const file = args.optional('operator-credential-file') ?? join(environment['VALORA_DATA_FOLDER'] || DATA_FOLDER_DEFAULT, 'operator-credential');
  return readText(file, 'It holds the operator credential, which Valora makes at its first start; name another by --operator-credential-file.').trim();
}

function tlsOptions(args: Arguments): TlsOptions | undefined {
  const pem = (name: string): string | undefined => {
    const file = args.optional(name);
    return file === null ? undefined : readText(file);
  };
  const tls = { ca: pem('tls-ca'), certificate: pem('tls-certificate'), key: pem('tls-key'), serverName: args.optional('tls-server-name') ?? undefined };
  return Object.values(tls).every((value) => value === undefined) ? undefined : tls;
}

/** A file's text; says which file is missing, and what it is for. */
export function readText(file: string, purpose = ''): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new CommandError(`${file} can't be read: ${error.message} ${purpose}`.trim());
  }
}
