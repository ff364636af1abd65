// The environment variables of a service that runs as a process of its own: one table, from which they are read, documented and
// compared with the manifests. A value may also stand in a file, which `<NAME>_FILE` names: for secrets mounted as files.
import type { ServiceName } from './platform.ts';

export interface ServiceVariable {
  readonly name: string;
  readonly services: readonly ServiceName[];
  /** Null where there is none: then it must be given. An empty one switches off. */
  readonly defaultFor: (service: ServiceName) => string | null;
  readonly meaning: string;
}

/** Whom a service calls. There is no circle. */
export const serviceCalls: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  tenancy: [],
  metering: ['tenancy'],
  pricing: ['tenancy', 'metering'],
  subscription: ['tenancy', 'metering', 'pricing'],
  invoicing: ['tenancy', 'metering', 'pricing', 'subscription'],
  scheduler: ['tenancy', 'metering', 'pricing', 'subscription', 'invoicing'],
};

export interface ServicePorts {
  readonly rpc: number;
  readonly health: number;
  readonly metrics: number;
}

/** Where services listen unless told otherwise, so that six of them fit on one machine. */
export const servicePorts: Readonly<Record<ServiceName, ServicePorts>> = {
  tenancy: { rpc: 50_061, health: 50_081, metrics: 9_461 },
  metering: { rpc: 50_062, health: 50_082, metrics: 9_462 },
  pricing: { rpc: 50_063, health: 50_083, metrics: 9_463 },
  subscription: { rpc: 50_064, health: 50_084, metrics: 9_464 },
  invoicing: { rpc: 50_065, health: 50_085, metrics: 9_465 },
  scheduler: { rpc: 50_066, health: 50_086, metrics: 9_466 },
};

const all: readonly ServiceName[] = ['tenancy', 'metering', 'pricing', 'subscription', 'invoicing', 'scheduler'];
const always = (value: string | null) => (): string | null => value;

export function peerVariable(peer: ServiceName): string {
  return `VALORA_${peer.toUpperCase()}_ADDRESS`;
}

export const serviceVariables: readonly ServiceVariable[] = [
  { name: 'DATABASE_URL', services: all, defaultFor: always(null), meaning: "The database with the login of the service's own role, as `postgresql://valora_<service>:password@host:port/database`." },
  { name: 'VALORA_DATABASE_CONNECTIONS', services: all, defaultFor: always('16'), meaning: 'Connections to the database, 1 to 1,000.' },
  { name: 'VALORA_SERVICE_TOKEN_KEY', services: all, defaultFor: always(null), meaning: 'Signs the tokens of calls between services: 64 hexadecimal digits, the same for all.' },
  { name: 'VALORA_OPERATOR_DIGEST', services: all, defaultFor: always(null), meaning: 'SHA-256 of the operator credential, 64 hexadecimal digits.' },
  { name: 'VALORA_ADDRESS', services: all, defaultFor: (service) => `127.0.0.1:${servicePorts[service].rpc}`, meaning: '`host:port` of the listener for callers and other services.' },
  { name: 'VALORA_HEALTH_ADDRESS', services: all, defaultFor: always(''), meaning: '`host:port` of a second listener with `grpc.health.v1` alone and without TLS, for probes. Empty: none.' },
  { name: 'VALORA_METRICS_ADDRESS', services: all, defaultFor: always(''), meaning: '`host:port` where `/metrics` is served over HTTP. Empty: nowhere.' },
  ...all.slice(0, -1).map((peer): ServiceVariable => ({
    name: peerVariable(peer), services: all.filter((service) => serviceCalls[service].includes(peer)), defaultFor: always(`127.0.0.1:${servicePorts[peer].rpc}`),
    meaning: `Where ${peer} listens: \`host:port\`, or another gRPC target such as \`dns:///host:port\`; calls go round all addresses it stands for.`,
  })),
  { name: 'VALORA_TLS_CERTIFICATE', services: all, defaultFor: always(''), meaning: "The listener's certificate chain, PEM. Empty: no TLS. With VALORA_TLS_CA also shown to other services." },
  { name: 'VALORA_TLS_KEY', services: all, defaultFor: always(''), meaning: 'The private key of that certificate, PEM.' },
  { name: 'VALORA_TLS_CLIENT_CA', services: all, defaultFor: always(''), meaning: 'Authorities of client certificates, PEM. Given: whoever calls must show one (mutual TLS).' },
  { name: 'VALORA_TLS_CA', services: all, defaultFor: always(''), meaning: "Authorities of the other services' certificates, PEM. Given: they are called by TLS." },
  { name: 'VALORA_REFLECTION', services: all, defaultFor: always('off'), meaning: 'Server reflection, `on` or `off`.' },
  { name: 'VALORA_DRAIN_MS', services: all, defaultFor: always('0'), meaning: 'How long after SIGTERM new calls are still taken, with health at NOT_SERVING, so that balancers notice: 0 to 60,000.' },
  { name: 'VALORA_GRACE_MS', services: all, defaultFor: always('10000'), meaning: 'How long running calls may then take to finish: 0 to 600,000.' },
  { name: 'VALORA_TICK_MS', services: ['scheduler'], defaultFor: always('1000'), meaning: "The scheduler's tick: 10 to 3,600,000; 0 for none." },
];
