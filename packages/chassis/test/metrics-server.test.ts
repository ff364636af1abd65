/** What the scraper gets: each name once, whatever runs in the process, and nothing else over this listener. */
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { Counter, type Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { createAdmission } from '../src/admission.ts';
import { commonErrors } from '../src/errors.ts';
import { createServiceMetrics } from '../src/metrics.ts';
import { serveMetrics, type MetricsServer } from '../src/metrics-server.ts';

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serving(...registries: readonly Registry[]): Promise<string> {
  server = await serveMetrics({ address: '127.0.0.1:0', registries });
  return `http://127.0.0.1:${server.port}`;
}

const lines = (text: string, name: string): string[] => text.split('\n').filter((line) => line.startsWith(name));

test('two services in one process: each name is headed once, and their samples differ by label', async () => {
  const [one, two] = [createServiceMetrics('one'), createServiceMetrics('two')];
  one.rpc.serverCall('/a.v1.Books/Open')(status.OK);
  two.rpc.serverCall('/a.v1.Books/Open')(status.NOT_FOUND);
  const url = await serving(one.registry, two.registry);
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  const headings = text.split('\n').filter((line) => line.startsWith('# TYPE'));
  expect(new Set(headings).size).toBe(headings.length);
  expect(lines(text, 'rpc_server_call_duration_seconds_count')).toEqual([
    'rpc_server_call_duration_seconds_count{valora_service="one",rpc_system_name="grpc",rpc_method="a.v1.Books/Open",rpc_status_code="OK"} 1',
    'rpc_server_call_duration_seconds_count{valora_service="two",rpc_system_name="grpc",rpc_method="a.v1.Books/Open",rpc_status_code="NOT_FOUND"} 1',
  ]);
  expect(lines(text, 'rpc_server_call_duration_seconds_bucket').map((line) => /le="([^"]+)"/.exec(line)?.[1]).slice(0, 15)).toEqual(
    ['0.005', '0.01', '0.025', '0.05', '0.075', '0.1', '0.25', '0.5', '0.75', '1', '2.5', '5', '7.5', '10', '+Inf']);
  expect(lines(text, 'process_resident_memory_bytes')).toHaveLength(1);
});

test.each([['GET', '/', 404], ['GET', '/metrics/', 404], ['POST', '/metrics', 405], ['HEAD', '/metrics', 200], ['GET', '/metrics?x=1', 200]])('%s %s answers %i', async (method, path, code) => {
  const url = await serving();
  expect((await fetch(url + path, { method })).status).toBe(code);
});

test('bytes that are no HTTP end their own connection only', async () => {
  const url = await serving();
  const socket = connect(server?.port ?? 0, '127.0.0.1');
  socket.on('error', () => {}).resume().write(`${'\u0000'.repeat(100)}\r\n\r\n`);
  await new Promise((resolve) => { socket.on('close', resolve); });
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});

test('a call is counted once, with the first code it ended with', async () => {
  const metrics = createServiceMetrics('one');
  const ended = metrics.rpc.clientCall('/a.v1.Books/Open');
  ended(status.DEADLINE_EXCEEDED);
  ended(status.OK);
  expect(lines(await metrics.registry.metrics(), 'rpc_client_call_duration_seconds_count')).toEqual([
    'rpc_client_call_duration_seconds_count{valora_service="one",rpc_system_name="grpc",rpc_method="a.v1.Books/Open",rpc_status_code="DEADLINE_EXCEEDED"} 1',
  ]);
});

test('admission: who runs, who waits and who was refused, as it stands when asked', async () => {
  const metrics = createServiceMetrics('one');
  const admission = createAdmission({ runningMax: 1, waitingMax: 1, waitingBytesMax: 100, shareRunningMax: 1, shareWaitingMax: 1, shareWaitingBytesMax: 100 });
  metrics.admission.observe(admission);
  const request = { bytes: 1, callDepth: 1, organizationId: 'o', signal: new AbortController().signal };
  let leave = (): void => {};
  const running = admission.run(request, () => new Promise<void>((resolve) => { leave = resolve; }));
  const waiting = admission.run(request, async () => {});
  await expect(admission.run(request, async () => {})).rejects.toThrow(commonErrors.OVERLOADED().message);
  const samples = async (): Promise<string[]> => (await metrics.registry.metrics()).split('\n').filter((line) => /^valora_admission.*(call_depth="1"|_total)/.test(line)).map((line) => line.replace(/.*admission_(\w+)\{.*\} /, '$1 '));
  expect(await samples()).toEqual(['running_calls 1', 'waiting_calls 1', 'refused_total 1']);
  leave();
  await Promise.all([running, waiting]);
  expect(await samples()).toEqual(['running_calls 0', 'waiting_calls 0', 'refused_total 1']);
});

test('due work that can not be asked for leaves its gauge empty and the rest as it is', async () => {
  const metrics = createServiceMetrics('one');
  metrics.dueWork.observe(() => Promise.reject(new Error('no database')));
  const other = new Counter({ name: 'other_total', help: 'Other.', registers: [metrics.registry] });
  other.inc();
  const text = await metrics.registry.metrics();
  expect([lines(text, 'valora_due_work_lag_seconds'), lines(text, 'other_total')]).toEqual([[], ['other_total 1']]);
});

test('a port that is taken is named', async () => {
  await serving();
  await expect(serveMetrics({ address: `127.0.0.1:${server?.port}`, registries: [] })).rejects.toThrow(`cannot listen on 127.0.0.1:${server?.port} for metrics`);
  await expect(serveMetrics({ address: 'nowhere', registries: [] })).rejects.toThrow('must be host:port');
});
