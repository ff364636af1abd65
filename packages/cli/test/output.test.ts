/** Answers as people and programs get them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Meter } from '@valora/contracts/valora/metering/v1/meter';
import { Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { expect, test } from 'vitest';
import { commands } from '../src/commands.ts';
import { completionScript } from '../src/completion.ts';
import { createOutput, type ListShape } from '../src/output.ts';
import { protoJson } from '../src/proto-json.ts';
import { testSurroundings } from './surroundings.ts';

const shape: ListShape<{ name: string; count: string }> = {
  columns: [{ title: 'NAME', text: ({ name }) => name }, { title: 'COUNT', text: ({ count }) => count, right: true }],
  json: ({ name, count }) => ({ name, count }),
};

async function listed(json: boolean, rows: readonly { name: string; count: string }[]): Promise<string> {
  const surroundings = testSurroundings();
  await createOutput(surroundings.stdout, json).list(rows, shape);
  return surroundings.out();
}

test('a table is aligned, numbers at the right, and holds nothing that moves a cursor', async () => {
  expect(await listed(false, [{ name: 'requests', count: '7' }, { name: 'a\u001b[31m\nb', count: '12' }])).toBe('NAME      COUNT\nrequests      7\na [31m b     12\n');
  expect(await listed(false, [])).toBe('NAME  COUNT\n');
});

test('a list as JSON is one array, written as it comes', async () => {
  expect(JSON.parse(await listed(true, [{ name: 'a', count: '1' }, { name: 'b', count: '2' }]))).toEqual([{ name: 'a', count: '1' }, { name: 'b', count: '2' }]);
  expect(await listed(true, [])).toBe('[]\n');
});

test('messages are shown as protobuf defines: microseconds, 64-bit integers and decimals as text, enums by name', () => {
  const shown = protoJson('valora.invoicing.v1.Invoice', Invoice).toJson(Invoice.fromPartial({
    number: 12_345_678_901_234_567n, state: 2, issueTime: { seconds: 1_700_158_623n, nanos: 979_960_000 }, total: { currencyCode: 'USD', amount: '12.50' },
  }));
  expect(shown).toMatchObject({ number: '12345678901234567', state: 'INVOICE_STATE_FINALIZED', issueTime: '2023-11-16T18:17:03.979960Z', total: { currencyCode: 'USD', amount: '12.50' }, lines: [], runIndex: 0 });
});

test('messages are read with or without an enum\'s prefix, and an unknown field is named', () => {
  const { fromJson } = protoJson('valora.metering.v1.Meter', Meter);
  expect(fromJson({ code: 'm', aggregation: 'SUM' })).toEqual(fromJson({ code: 'm', aggregation: 'AGGREGATION_SUM' }));
  expect(() => fromJson({ code: 'm', agregation: 'SUM' })).toThrow(/agregation/);
  expect(() => fromJson({ code: 5 })).toThrow(/code/);
});

/** What bash would offer for a line; the last word is the one that is being typed. */
function offered(...words: string[]): string[] {
  const script = [...completionScript(commands, 'bash'), `COMP_WORDS=(valora ${words.map((word) => `'${word}'`).join(' ')})`, `COMP_CWORD=${words.length}`, '_valora', 'printf "%s\\n" "${COMPREPLY[@]}"'].join('\n');
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: import.meta.dirname });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trimEnd().split('\n');
}

test('bash completes nouns, verbs, options, choices and files', () => {
  expect(offered('inv')).toEqual(['invoices']);
  expect(offered('invoices', '')).toEqual(['list', 'show', 'explain', 'verify']);
  expect(offered('invoices', 'verify', '--al')).toEqual(['--all']);
  expect(offered('ingest', '--time')).toEqual(['--time-format']);
  expect(offered('ingest', 'x.csv', '--time-format', 'unix-')).toEqual(['unix-ms', 'unix-us']);
  expect(offered('audit', 'list', '--service', 'pri')).toEqual(['pricing']);
  expect(offered('completion', 'z')).toEqual(['zsh']);
  expect(offered('catalog', 'apply', 'output.t')).toEqual(['output.test.ts']);
});

test('every word and option is in the scripts of all shells', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = completionScript(commands, shell).join('\n');
    for (const { name, options = {} } of commands) {
      for (const word of name.split(' ')) expect(script).toContain(word);
      for (const option of Object.keys(options)) expect(script).toContain(shell === 'fish' ? `-l ${option} ` : `--${option}`);
    }
  }
});

test('the program of the package starts from wherever it is called', () => {
  const { status, stdout } = spawnSync('sh', [join(import.meta.dirname, '../bin/valora.sh'), 'meter', 'create', '--help'], { encoding: 'utf8', cwd: '/' });
  expect([status, stdout.split('\n')[0]]).toEqual([0, 'Usage: valora meter create <code> --aggregation <how> [options]']);
});
