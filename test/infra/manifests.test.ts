// What infra/ says against what the code reads: commands, ports, variables, calls; and the restricted pod security standard.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerVariable, serviceCalls, serviceNames, servicePorts, serviceVariables, type ServiceName } from '@valora/chassis';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { baseManifests, kubernetesFolder, typeProblems, type Manifest } from './manifests.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: { readonly grpc: { readonly port: number } };
  readonly readinessProbe: { readonly grpc: { readonly port: number } };
  readonly livenessProbe: { readonly grpc: { readonly port: number; readonly service: string } };
  readonly securityContext: object;
  readonly resources: { readonly requests: object; readonly limits: object };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext: object;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly volumes: readonly object[];
}

interface Peer {
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const base = baseManifests();
const LABEL = 'app.kubernetes.io/name';

function found(kind: string, name: string): Manifest {
  const manifest = base.find((each) => each.kind === kind && each.metadata.name === name);
  if (manifest === undefined) throw new Error(`there is no ${kind} ${name}`);
  return manifest;
}

function podOf(kind: 'Deployment' | 'Job', name: string): PodSpec {
  return (found(kind, name)['spec'] as { template: { spec: PodSpec } }).template.spec;
}

function containerOf(service: ServiceName): Container {
  const [container] = podOf('Deployment', `valora-${service}`).containers;
  if (container === undefined) throw new Error(`${service} has no container`);
  return container;
}

const settings = (found('ConfigMap', 'valora-settings') as unknown as { data: Readonly<Record<string, string>> }).data;

test('the manifests are of the types of the Kubernetes API, down to the last field', () => {
  expect(typeProblems(base)).toEqual([]);
  const [first] = base.filter(({ kind }) => kind === 'Deployment');
  const misspelled = { ...first, spec: { ...(first?.['spec'] as object), replica: 2 } } as unknown as Manifest;
  const wrong = { ...first, spec: { ...(first?.['spec'] as object), replicas: 'two' } } as unknown as Manifest;
  expect(typeProblems([misspelled, wrong])).toEqual([expect.stringMatching(/^Deployment valora-tenancy: .*replica/), expect.stringMatching(/^Deployment valora-tenancy: .*string/)]);
}, 60_000);

test('names are unique, and everything belongs to a service or to the whole', () => {
  const names = base.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(base.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name).toSorted()).toEqual(serviceNames.map((service) => `valora-${service}`).toSorted());
});

describe.each(serviceNames.map((service) => ({ service })))('$service', ({ service }) => {
  const { rpc, health, metrics } = servicePorts[service];
  const container = containerOf(service);

  test('runs its own program', () => {
    expect(container.command).toEqual(['node', '--import', '@valora/chassis/telemetry', `services/${service}/dist/main.js`]);
    expect(existsSync(join(root, `services/${service}/src/main.ts`))).toBe(true);
  });

  test('is given the variables it reads, and no others', () => {
    const variables = serviceVariables.filter(({ services }) => services.includes(service));
    const known = new Set(variables.flatMap(({ name }) => [name, `${name}_FILE`]));
    const given = container.env.map(({ name }) => name);
    expect([...given, ...Object.keys(settings)].filter((name) => !known.has(name))).toEqual([]);
    const missing = variables.filter(({ name, defaultFor }) => defaultFor(service) === null && !given.includes(name) && !given.includes(`${name}_FILE`));
    expect(missing).toEqual([]);
  });

  test('listens where its callers and probes look', () => {
    const value = new Map(container.env.map((each) => [each.name, each.value]));
    expect([value.get('VALORA_ADDRESS'), value.get('VALORA_HEALTH_ADDRESS'), value.get('VALORA_METRICS_ADDRESS')]).toEqual([`0.0.0.0:${rpc}`, `0.0.0.0:${health}`, `0.0.0.0:${metrics}`]);
    expect(container.ports).toEqual([{ name: 'grpc', containerPort: rpc }, { name: 'health', containerPort: health }, { name: 'metrics', containerPort: metrics }]);
    expect([container.startupProbe.grpc.port, container.readinessProbe.grpc.port, container.livenessProbe.grpc]).toEqual([health, health, { port: health, service: 'liveness' }]);
    expect((found('Service', `valora-${service}`)['spec'] as { ports: object }).ports).toEqual([expect.objectContaining({ port: rpc, targetPort: 'grpc' })]);
    for (const peer of serviceCalls[service]) expect(value.get(peerVariable(peer))).toBe(`dns:///valora-${peer}:${servicePorts[peer].rpc}`);
  });

  test('may call whom it calls, and be called by its callers', () => {
    const { ingress, egress } = found('NetworkPolicy', `valora-${service}`)['spec'] as { ingress: readonly { from: readonly Peer[]; ports: object }[]; egress: readonly { to?: readonly Peer[]; ports: object }[] };
    const named = (peers: readonly Peer[] = []): string[] => peers.flatMap(({ podSelector }) => podSelector?.matchLabels[LABEL] ?? []).toSorted();
    const callers = serviceNames.filter((other) => serviceCalls[other].includes(service)).map((other) => `valora-${other}`);
    expect(ingress.flatMap(({ from }) => named(from))).toEqual(callers.toSorted());
    expect(egress.flatMap(({ to, ports }) => named(to).map((name) => [name, ports]))).toEqual(serviceCalls[service].map((peer) => [`valora-${peer}`, [{ port: servicePorts[peer].rpc, protocol: 'TCP' }]]));
  });

  test('ends in time: the drain and the grace fit into what the pod is given', () => {
    const seconds = (Number(settings['VALORA_DRAIN_MS']) + Number(settings['VALORA_GRACE_MS'])) / 1_000;
    expect(podOf('Deployment', `valora-${service}`).terminationGracePeriodSeconds ?? 0).toBeGreaterThan(seconds);
  });

  test('a new replica is in the answers of DNS before the next old one goes', () => {
    const DNS_SECONDS = 30; // what cluster DNS keeps, where nobody changed it
    expect((found('Deployment', `valora-${service}`)['spec'] as { minReadySeconds?: number }).minReadySeconds ?? 0).toBeGreaterThanOrEqual(DNS_SECONDS);
  });

  test('its budget, service and spread select its pods', () => {
    const selected = { [LABEL]: `valora-${service}` };
    const deployment = found('Deployment', `valora-${service}`)['spec'] as { replicas: number; selector: { matchLabels: object }; template: { metadata: { labels: object } } };
    expect(deployment.selector.matchLabels).toEqual(selected);
    expect(deployment.template.metadata.labels).toMatchObject(selected);
    expect(deployment.replicas).toBeGreaterThan(1);
    expect(found('PodDisruptionBudget', `valora-${service}`)['spec']).toEqual({ maxUnavailable: 1, selector: { matchLabels: selected } });
    expect(found('Service', `valora-${service}`)['spec']).toMatchObject({ clusterIP: 'None', selector: selected });
  });
});

test('the migrations job runs what the command line has, as the owner', () => {
  const [container] = podOf('Job', 'valora-migrations').containers;
  expect(container?.command).toEqual(['node', 'packages/cli/dist/main.js', 'migrate']);
  expect(container?.env.map(({ name }) => name)).toEqual(['DATABASE_URL_FILE', 'VALORA_ROLE_SECRET_FILE']);
});

test.each([...serviceNames.map((service) => ['Deployment', `valora-${service}`] as const), ['Job', 'valora-migrations'] as const])('%s %s keeps to the restricted pod security standard, and has bounds', (kind, name) => {
  const pod = podOf(kind, name);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(pod.automountServiceAccountToken).toBe(false);
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) expect(pod).not.toHaveProperty(field);
  for (const volume of pod.volumes) expect(Object.keys(volume).filter((key) => key !== 'name')).toEqual([expect.stringMatching(/^(projected|secret)$/)]);
  for (const { securityContext, resources } of pod.containers) {
    expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(resources).toMatchObject({ requests: { cpu: expect.any(String) as string, memory: expect.any(String) as string }, limits: { memory: expect.any(String) as string } });
  }
});

test('the namespace enforces that standard', () => {
  expect(found('Namespace', 'valora').metadata).toMatchObject({ labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } });
});

test('the example overlay makes every secret that the base mounts', () => {
  const { secretGenerator } = parse(readFileSync(join(kubernetesFolder, 'example/kustomization.yaml'), 'utf8')) as { secretGenerator: readonly { name: string; files: readonly string[] }[] };
  const made = new Map(secretGenerator.map(({ name, files }) => [name, files.map((file) => file.split('=')[0])]));
  const mounted = [...JSON.stringify(base).matchAll(/"(?:secret":\{"name|secretName)":"([^"]+)"/g)].map(([, name = '']) => name);
  expect([...new Set(mounted)].toSorted()).toEqual([...made.keys()].toSorted());
  const read = [...JSON.stringify(base).matchAll(/"\/secrets\/([a-z-]+)"/g)].map(([, file = '']) => file);
  expect([...new Set(read)].filter((file) => ![...made.values()].flat().includes(file))).toEqual([]);
});

test('the image holds the programs that the manifests run', () => {
  const dockerfile = readFileSync(join(root, 'infra/docker/Dockerfile'), 'utf8');
  expect(dockerfile.match(/^FROM node:24\S*( AS build)?$/gm)).toHaveLength(2);
  expect(dockerfile).toMatch(/^USER 65532:65532$/m);
  // What is removed from it must not be what runs.
  expect(dockerfile).toMatch(/rm -rf .*packages\/\*\/src .*services\/\*\/src/);
});
