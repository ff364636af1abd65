// The configuration of a service that runs as a process of its own, read from the environment at once and whole: everything wrong
// is told in one error, by the variable's name.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { credentials, ServerCredentials, type ChannelCredentials } from '@grpc/grpc-js';
import type { ServiceName } from './platform.ts';
import { peerVariable, serviceCalls, serviceVariables } from './service-variables.ts';

export interface ServiceConfig {
  readonly databaseUrl: string;
  readonly databaseConnections: number;
  readonly serviceTokenKey: Uint8Array;
  readonly operatorDigest: Uint8Array;
  readonly address: string;
  /** Empty for none. */
  readonly healthAddress: string;
  /** Empty for none. */
  readonly metricsAddress: string;
  readonly peerAddress: (service: ServiceName) => string;
  readonly serverCredentials: ServerCredentials;
  readonly peerCredentials: ChannelCredentials;
  readonly reflection: boolean;
  readonly drainMs: number;
  readonly graceMs: number;
  /** Null for no tick. */
  readonly tickMs: number | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration cannot be used: why, a line for each variable. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
  readonly problems: readonly string[];
  constructor(service: ServiceName, problems: readonly string[]) {
    super(`The ${service} service can't start:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const DIGEST = /^[0-9a-f]{64}$/i;
const HOST_PORT = /^\S+:[0-9]{1,5}$/;
const TARGET = /^\S+$/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const INTEGER = /^[0-9]{1,9}$/;
const TICK_MIN_MS = 10;
const TICK_MAX_MS = 3_600_000;

/** Reads what `serviceVariables` says of this service. Throws ConfigInvalid. */
export function readServiceConfig(service: ServiceName, environment: Environment): ServiceConfig {
  const problems: string[] = [];
  const values = readValues(service, environment, problems);
  const text = (name: string, pattern: RegExp, must: string): string => {
    const value = values.get(name) ?? '';
    if (value !== '' && !pattern.test(value)) problems.push(`${name} ${must}`);
    return value;
  };
  const integer = (name: string, min: number, max: number): number => {
    const value = values.get(name) ?? '0';
    const number = INTEGER.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) problems.push(`${name} must be a whole number from ${min} to ${max}.`);
    return number;
  };
  const digest = (name: string): Uint8Array => Buffer.from(text(name, DIGEST, 'must be 64 hexadecimal digits.'), 'hex');
  const tls = {
    certificate: text('VALORA_TLS_CERTIFICATE', CERTIFICATE, 'must be a certificate chain in PEM.'),
    key: text('VALORA_TLS_KEY', PRIVATE_KEY, 'must be a private key in PEM.'),
    clientCa: text('VALORA_TLS_CLIENT_CA', CERTIFICATE, 'must be certificates in PEM.'),
    ca: text('VALORA_TLS_CA', CERTIFICATE, 'must be certificates in PEM.'),
  };
  if ((tls.certificate === '') !== (tls.key === '')) problems.push('VALORA_TLS_CERTIFICATE and VALORA_TLS_KEY must be given together.');
  if (tls.clientCa !== '' && tls.certificate === '') problems.push('VALORA_TLS_CLIENT_CA needs VALORA_TLS_CERTIFICATE: client certificates are a part of TLS.');
  const peers = new Map(serviceCalls[service].map((peer) => [peer, text(peerVariable(peer), TARGET, 'must be a gRPC target such as host:port.')]));
  const config: Omit<ServiceConfig, 'serverCredentials' | 'peerCredentials'> = {
    databaseUrl: databaseUrl(values.get('DATABASE_URL') ?? '', problems),
    databaseConnections: integer('VALORA_DATABASE_CONNECTIONS', 1, 1_000),
    serviceTokenKey: digest('VALORA_SERVICE_TOKEN_KEY'),
    operatorDigest: digest('VALORA_OPERATOR_DIGEST'),
    address: text('VALORA_ADDRESS', HOST_PORT, 'must be host:port.'),
    healthAddress: text('VALORA_HEALTH_ADDRESS', HOST_PORT, 'must be host:port.'),
    metricsAddress: text('VALORA_METRICS_ADDRESS', HOST_PORT, 'must be host:port.'),
    peerAddress: (peer) => peers.get(peer) ?? '',
    reflection: text('VALORA_REFLECTION', /^(on|off)$/, 'must be on or off.') === 'on',
    drainMs: integer('VALORA_DRAIN_MS', 0, 60_000),
    graceMs: integer('VALORA_GRACE_MS', 0, 600_000),
    tickMs: tickInterval(values.get('VALORA_TICK_MS') ?? '0', (problem) => void problems.push(problem)),
  };
  if (problems.length > 0) throw new ConfigInvalid(service, problems);
  return { ...config, ...credentialsOf(service, tls) };
}

/** The milliseconds of VALORA_TICK_MS; null for no tick. */
export function tickInterval(text: string, problem: (told: string) => void): number | null {
  const interval = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (interval === 0) return null;
  if (!(interval >= TICK_MIN_MS && interval <= TICK_MAX_MS)) problem(`VALORA_TICK_MS must be 0 for no tick, or a whole number of milliseconds from ${TICK_MIN_MS} to ${TICK_MAX_MS}.`);
  return interval;
}

function readValues(service: ServiceName, environment: Environment, problems: string[]): ReadonlyMap<string, string> {
  return new Map(serviceVariables.filter(({ services }) => services.includes(service)).map(({ name, defaultFor, meaning }) => {
    // An empty variable is as good as none.
    const value = environment[name] || namedFile(name, environment, problems) || defaultFor(service);
    if (value === null && !problems.some((problem) => problem.startsWith(`${name}_FILE `))) {
      // A file that is empty, as an unfilled secret is, gives nothing: a service must not start without a key.
      problems.push(environment[`${name}_FILE`] ? `${name}_FILE names ${environment[`${name}_FILE`]}, which is empty. ${meaning}` : `${name} is missing. ${meaning} Or name a file that holds it in ${name}_FILE.`);
    }
    return [name, value ?? ''];
  }));
}

function namedFile(name: string, environment: Environment, problems: string[]): string {
  try {
    return readNamedFile(name, environment);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return '';
  }
}

/** What stands in the file that `<NAME>_FILE` names; empty where it names none. */
export function readNamedFile(name: string, environment: Environment): string {
  const path = environment[`${name}_FILE`];
  if (path === undefined || path === '') return '';
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(`${name}_FILE names ${path}, which can't be read: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
}

function databaseUrl(text: string, problems: string[]): string {
  if (text !== '' && (!URL.canParse(text) || !/^postgres(ql)?:/.test(text))) problems.push('DATABASE_URL must be a PostgreSQL URL: postgresql://user:password@host:port/database.');
  return text;
}

function credentialsOf(service: ServiceName, tls: { certificate: string; key: string; clientCa: string; ca: string }): Pick<ServiceConfig, 'serverCredentials' | 'peerCredentials'> {
  const bytes = (pem: string): Buffer | null => (pem === '' ? null : Buffer.from(pem));
  try {
    createSecureContext({ ...(tls.certificate === '' ? {} : { cert: tls.certificate, key: tls.key }), ...(tls.clientCa + tls.ca === '' ? {} : { ca: tls.clientCa + tls.ca }) });
    const pair = tls.certificate === '' ? null : { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) };
    return {
      serverCredentials: pair === null ? ServerCredentials.createInsecure() : ServerCredentials.createSsl(bytes(tls.clientCa), [pair], tls.clientCa !== ''),
      peerCredentials: tls.ca === '' ? credentials.createInsecure() : credentials.createSsl(bytes(tls.ca), pair?.private_key ?? null, pair?.cert_chain ?? null),
    };
  } catch (error) {
    throw new ConfigInvalid(service, [`VALORA_TLS_CERTIFICATE, VALORA_TLS_KEY or an authority can't be used: ${error instanceof Error ? error.message : String(error)}.`]);
  }
}
