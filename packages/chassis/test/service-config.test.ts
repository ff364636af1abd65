/** The configuration of a service from its environment: what is read, and that everything wrong is told at once by name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigInvalid, peerVariable, readServiceConfig, serviceCalls, serviceNames, servicePorts, serviceVariables } from '../src/index.ts';

const HEX = 'ab'.repeat(32);
const needed = { DATABASE_URL: 'postgresql://valora_metering:secret@db:5432/valora', VALORA_SERVICE_TOKEN_KEY: HEX, VALORA_OPERATOR_DIGEST: HEX };
const folder = mkdtempSync(join(tmpdir(), 'valora-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problems(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readServiceConfig('metering', environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
}

test('with what is needed everything else has a default', () => {
  expect(readServiceConfig('metering', needed)).toMatchObject({
    databaseUrl: needed.DATABASE_URL, databaseConnections: 16, address: `127.0.0.1:${servicePorts.metering.rpc}`, healthAddress: '', metricsAddress: '', reflection: false, drainMs: 0, graceMs: 10_000,
  });
  expect(readServiceConfig('metering', needed).peerAddress('tenancy')).toBe('127.0.0.1:50061');
  expect(readServiceConfig('scheduler', needed).tickMs).toBe(1_000);
});

test('a value may stand in a named file, and the variable itself comes first', () => {
  const path = join(folder, 'url');
  writeFileSync(path, 'postgresql://from-file@db/valora\n');
  const { DATABASE_URL: _url, ...others } = needed;
  expect(readServiceConfig('metering', { ...others, DATABASE_URL_FILE: path }).databaseUrl).toBe('postgresql://from-file@db/valora');
  expect(readServiceConfig('metering', { ...needed, DATABASE_URL_FILE: path }).databaseUrl).toBe(needed.DATABASE_URL);
  expect(readServiceConfig('metering', { ...others, DATABASE_URL: '', DATABASE_URL_FILE: path }).databaseUrl).toBe('postgresql://from-file@db/valora');
});

test.each(['DATABASE_URL', 'VALORA_SERVICE_TOKEN_KEY', 'VALORA_OPERATOR_DIGEST'] as const)('a named file that is empty is no %s', (name) => {
  const path = join(folder, 'empty');
  writeFileSync(path, '\n');
  expect(problems({ ...needed, [name]: '', [`${name}_FILE`]: path })).toEqual([expect.stringMatching(new RegExp(`^${name}_FILE names .* is empty`))]);
});

test('everything wrong is told at once', () => {
  expect(problems({ VALORA_DRAIN_MS: '60001', VALORA_ADDRESS: 'nowhere' })).toEqual([
    expect.stringMatching(/^DATABASE_URL is missing/), expect.stringMatching(/^VALORA_SERVICE_TOKEN_KEY is missing/), expect.stringMatching(/^VALORA_OPERATOR_DIGEST is missing/),
    expect.stringMatching(/^VALORA_ADDRESS must/), expect.stringMatching(/^VALORA_DRAIN_MS must/),
  ]);
});

const certificate = '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----';
describe('is refused by name', () => {
  test.each<[variable: string, changes: Readonly<Record<string, string>>]>([
    ['DATABASE_URL', { DATABASE_URL: 'mysql://db/valora' }],
    ['DATABASE_URL', { DATABASE_URL: 'db:5432' }],
    ['DATABASE_URL_FILE', { DATABASE_URL: '', DATABASE_URL_FILE: '/nowhere/at/all' }],
    ['VALORA_SERVICE_TOKEN_KEY', { VALORA_SERVICE_TOKEN_KEY: HEX.slice(1) }],
    ['VALORA_OPERATOR_DIGEST', { VALORA_OPERATOR_DIGEST: `${HEX}0` }],
    ['VALORA_DATABASE_CONNECTIONS', { VALORA_DATABASE_CONNECTIONS: '0' }],
    ['VALORA_DATABASE_CONNECTIONS', { VALORA_DATABASE_CONNECTIONS: '1e3' }],
    ['VALORA_DATABASE_CONNECTIONS', { VALORA_DATABASE_CONNECTIONS: '1001' }],
    ['VALORA_ADDRESS', { VALORA_ADDRESS: 'localhost' }],
    ['VALORA_HEALTH_ADDRESS', { VALORA_HEALTH_ADDRESS: '50081' }],
    ['VALORA_METRICS_ADDRESS', { VALORA_METRICS_ADDRESS: 'host:' }],
    ['VALORA_TENANCY_ADDRESS', { VALORA_TENANCY_ADDRESS: 'two words' }],
    ['VALORA_REFLECTION', { VALORA_REFLECTION: 'yes' }],
    ['VALORA_GRACE_MS', { VALORA_GRACE_MS: '-1' }],
    ['VALORA_TLS_CERTIFICATE', { VALORA_TLS_CERTIFICATE: 'no certificate', VALORA_TLS_KEY: '-----BEGIN PRIVATE KEY-----' }],
    ['VALORA_TLS_CERTIFICATE', { VALORA_TLS_CERTIFICATE: certificate }],
    ['VALORA_TLS_CERTIFICATE', { VALORA_TLS_KEY: '-----BEGIN PRIVATE KEY-----' }],
    ['VALORA_TLS_CLIENT_CA', { VALORA_TLS_CLIENT_CA: certificate }],
    ['VALORA_TLS_CERTIFICATE', { VALORA_TLS_CERTIFICATE: certificate, VALORA_TLS_KEY: '-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----' }],
  ])('%s in %j', (variable, changes) => {
    expect(problems({ ...needed, ...changes })).toEqual([expect.stringMatching(new RegExp(`^${variable}\\b`))]);
  });

  test.each(['1', '9', '3600001', 'often'])('VALORA_TICK_MS %s', (tick) => {
    expect(() => readServiceConfig('scheduler', { ...needed, VALORA_TICK_MS: tick })).toThrow(/VALORA_TICK_MS must/);
  });

  test('nothing of what only another service reads', () => {
    expect(problems({ ...needed, VALORA_TICK_MS: 'often', VALORA_PRICING_ADDRESS: 'two words' })).toEqual([]);
  });
});

test('ports are distinct, calls make no circle, and each peer has a variable', () => {
  const ports = serviceNames.flatMap((service) => Object.values(servicePorts[service]));
  expect(new Set(ports).size).toBe(ports.length);
  for (const service of serviceNames) {
    for (const peer of serviceCalls[service]) {
      expect(serviceNames.indexOf(peer)).toBeLessThan(serviceNames.indexOf(service));
      expect(serviceVariables.find(({ name }) => name === peerVariable(peer))?.services).toContain(service);
    }
  }
});
