/** The conformance runner on small files of our own: what passes, what fails, what is skipped and why, and what it says to the shell. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { ConformanceCase } from './case.ts';
import { judge } from './judge.ts';
import { REFUTATIONS } from './refutations.ts';
import { reportOf } from './report.ts';

const OWN = fileURLToPath(new URL('./own', import.meta.url));
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'valora-conformance-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A folder with our own cases and one more file. */
function folderWith(name: string, content: string): string {
  const folder = join(scratch, name);
  cpSync(OWN, folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), content);
  return folder;
}

function caseOf(fields: Readonly<Record<string, unknown>>): ConformanceCase {
  const { binding = true, expected } = fields;
  return { file: 'x.json', id: 'x', binding: binding === true, convention: 'theirs', fields, expected: expected as ConformanceCase['expected'] };
}

const PER_UNIT = { model: 'per_unit', currency: 'USD', currency_exponent: 2, price: { unit_amount: '0.10' }, quantity: '7' };
const ROUND = { kind: 'round', currency: 'JPY', currency_exponent: 0, amount: '100.5' };
const MARCH = { start: '2024-03-01', end: '2024-04-01' };
const FRACTION = { kind: 'fraction', currency: 'USD', currency_exponent: 2, full_amount: '31.00', period: MARCH, active: { start: '2024-03-15', end: '2024-04-01' }, timezone: 'UTC' };
const SERIES = { kind: 'series', start: '2024-01-31', anchor: '2024-01-31', interval: 'month', interval_count: '1', timezone: 'America/New_York' };
const SUM = { aggregation: 'sum', period: { start: '2024-01-01T00:00:00Z', end: '2024-02-01T00:00:00Z' }, events: [{ timestamp: '2024-01-05T00:00:00Z', value: '2.5' }, { timestamp: '2024-02-01T00:00:00Z', value: '9' }] };
const FEE = { kind: 'recurring', item: 'fee', period: FRACTION.active, full_period: MARCH, full_amount: '31.00' };
const LIFE = { steps: [], currency: 'USD', currency_exponent: 2, timezone: 'UTC' };

describe('a case agrees or is told what differs', () => {
  test.each([
    ['7 × 0.10 = 0.70', PER_UNIT, { amount: '0.70' }, { amount: '0.71' }, 'amount: expected 0.71, ours 0.7'],
    ['100.5 yen = 101', ROUND, { amount: '101' }, { amount: '100' }, 'amount: expected 100, ours 101'],
    ['31.00 × 17 ÷ 31 = 17.00', FRACTION, { amount: '17' }, { amount: '16.99' }, 'amount: expected 16.99, ours 17'],
    ['31 January, then 29 February, midnights in New York', SERIES, { boundaries: ['2024-01-31T05:00:00Z', '2024-02-29'] }, { boundaries: ['2024-01-31', '2024-03-01'] }, 'boundary 1: expected 2024-03-01T05:00:00Z, ours 2024-02-29T05:00:00Z'],
    ['2.5 in January, the 9 on the bound is February’s', SUM, { value: '2.50', events_count: '1' }, { value: '11.5' }, 'value: expected 11.5, ours 2.5'],
    ['a fee of 31.00 from 15 March = 17.00', LIFE, { invoices: [{ lines: [{ ...FEE, amount: '17.00' }] }] }, { invoices: [{ lines: [{ ...FEE, amount: '31.00' }] }] }, 'recurring fee: expected 31.00, ours 17'],
  ])('%s', (_title, fields, right, wrong, difference) => {
    expect(judge(caseOf({ ...fields, expected: right }))).toEqual({ kind: 'PASSED' });
    expect(judge(caseOf({ ...fields, expected: wrong }))).toEqual({ kind: 'FAILED', why: [difference] });
    expect(judge(caseOf({ ...fields, expected: wrong, binding: false }))).toEqual({ kind: 'SKIPPED', why: `convention: ${difference} (theirs)` });
  });
});

test.each([
  ['quantity', '4', 'line usage quantity: expected 4, ours 7'],
  ['unit_amount', '0.2', 'line usage unit_amount: expected 0.2, ours 0.1'],
  ['amount', '0.6', 'line usage: expected 0.6, ours 0.7'],
  ['total', '0.3', 'line usage total: expected 0.3, ours 0.4'],
  ['discount', '0', 'discounts: expected 0, ours 0.3'],
] as const)('the %s of a line that a maximum discounts is compared', (name, wrong, difference) => {
  const fields = { ...PER_UNIT, price: { unit_amount: '0.10', maximum: '0.40' } };
  const line = { ref: 'usage', quantity: '7', unit_amount: '0.1', amount: '0.7', discount: '0.3', total: '0.4' };
  expect(judge(caseOf({ ...fields, expected: { amount: '0.40', lines: [line] } }))).toEqual({ kind: 'PASSED' });
  expect(judge(caseOf({ ...fields, expected: { amount: '0.40', lines: [{ ...line, [name]: wrong }] } }))).toMatchObject({ kind: 'FAILED', why: expect.arrayContaining([difference]) });
});

test('groups are compared one by one: another value, one too many, one told twice', () => {
  const fields = { ...SUM, group_by: ['region'], events: [{ timestamp: '2024-01-05T00:00:00Z', value: '2.5', properties: { region: 'eu' } }] };
  const eu = { group: { region: 'eu' }, value: '2.5' };
  const whyOf = (groups: unknown) => judge(caseOf({ ...fields, expected: { groups } }));
  expect(whyOf([eu])).toEqual({ kind: 'PASSED' });
  expect(whyOf([{ ...eu, value: '2' }])).toEqual({ kind: 'FAILED', why: ['group {"region":"eu"}: expected 2, ours 2.5'] });
  expect(whyOf([])).toEqual({ kind: 'FAILED', why: ['group {"region":"eu"}: not expected'] });
  expect(whyOf([eu, eu])).toEqual({ kind: 'FAILED', why: ['group {"region":"eu"}: expected twice'] });
});

describe('what cannot be run', () => {
  test.each([
    ['an unknown kind', { kind: 'guess', expected: {} }, 'no runner for kind guess'],
    ['no kind at all', { expected: {} }, 'no runner for kind none'],
    ['an unknown model', { ...PER_UNIT, model: 'auction', expected: { amount: '1' } }, 'no model auction'],
    ['an unknown aggregation', { ...SUM, aggregation: 'median', expected: { value: '1' } }, 'no aggregation median'],
    ['a quantity of which nothing is expected', { ...SUM, expected: { amount: '2.5' } }, 'nothing to compare is expected: none of value, events_count, groups'],
    ['a period of which nothing is expected', { ...SERIES, kind: 'containing', at: '2024-02-01', expected: {} }, 'nothing to compare is expected: none of start, end'],
    ['boundaries of which none is expected', { ...SERIES, expected: { boundaries: [] } }, 'nothing to compare is expected: none of boundaries'],
    ['invoices without a line', { ...LIFE, expected: { invoices: [] } }, 'nothing to compare is expected: none of invoices.lines, credit_notes.lines'],
  ])('%s fails where it is binding, and is skipped where it is not', (_title, fields, why) => {
    expect(judge(caseOf(fields))).toEqual({ kind: 'FAILED', why: [`binding, but out of reach: ${why}`] });
    expect(judge(caseOf({ ...fields, binding: false }))).toEqual({ kind: 'SKIPPED', why: `shape: ${why}` });
  });

  test('what the core refuses by name is an answer, and fails where the case is binding', () => {
    const fields = { ...PER_UNIT, quantity: '1e3', expected: { amount: '100' } };
    expect(judge(caseOf(fields))).toMatchObject({ kind: 'FAILED', why: [expect.stringContaining('RatingError')] });
    expect(judge(caseOf({ ...fields, binding: false }))).toEqual({ kind: 'SKIPPED', why: 'convention: we refuse it, DECIMAL_MALFORMED' });
  });

  test.each([
    ['a member that is missing', { ...PER_UNIT, quantity: undefined, expected: { amount: '1' } }, 'MalformedCase: quantity is not text'],
    ['an answer that is no number', { ...PER_UNIT, expected: { amount: 'a lot' } }, 'MalformedCase: a lot is not a number'],
    ['digits that the currency has not', { ...PER_UNIT, currency: 'JPY', expected: { amount: '1' } }, 'MalformedCase: the currency has 0 digits and not 2'],
  ])('%s fails, binding or not', (_title, fields, why) => {
    expect(judge(caseOf(fields))).toEqual({ kind: 'FAILED', why: [why] });
    expect(judge(caseOf({ ...fields, binding: false }))).toEqual({ kind: 'FAILED', why: [why] });
  });

  test('a refutation skips a binding case that differs, and nothing else', () => {
    const wrong = caseOf({ ...PER_UNIT, expected: { amount: '0.71' } });
    expect(judge(wrong, { x: '7 × 0.10 is 0.70' })).toEqual({ kind: 'SKIPPED', why: 'refuted: 7 × 0.10 is 0.70' });
    expect(judge(wrong, { y: 'another case' }).kind).toBe('FAILED');
    expect(judge({ ...wrong, id: 'constructor' }).kind).toBe('FAILED');
    expect(judge(caseOf({ ...PER_UNIT, expected: { amount: '0.70' } }), { x: 'no longer needed' })).toEqual({ kind: 'PASSED' });
    expect(Object.values(REFUTATIONS).filter((calculation) => !/\d.*=.*\d/.test(calculation))).toEqual([]);
  });
});

test('our own cases: one of every kind passes, one is skipped', () => {
  const { lines, failed } = reportOf(OWN);
  expect(failed).toBe(0);
  expect(lines).toEqual([
    'skipped  rating.json windfall: convention: amount: expected 0, ours 10 (nothing is due without usage)',
    'skipped  rounding.json discount: shape: discounts are not part of a price',
    '13 passed, 0 failed, 2 skipped',
  ]);
});

test.each([
  ['failing', JSON.stringify([{ ...PER_UNIT, id: 'dear', binding: true, expected: { amount: '70' } }]), ['FAILED   failing.json dear', '           amount: expected 70, ours 0.7', '13 passed, 1 failed, 2 skipped']],
  ['unreadable', '[{', ['FAILED   unreadable.json cannot be read', '13 passed, 1 failed, 2 skipped']],
  ['an-object', '{}', ['FAILED   an-object.json cannot be read: the file is not an array of cases', '13 passed, 1 failed, 2 skipped']],
  ['half-broken', JSON.stringify([{ ...PER_UNIT, expected: { amount: '0.70' } }, { ...PER_UNIT, id: 'whole', expected: { amount: '0.70' } }]), ['FAILED   half-broken.json case 1 cannot be read: id is not text', '14 passed, 1 failed, 2 skipped']],
  ['unknown', JSON.stringify([{ id: 'odd', kind: 'guess', binding: true, expected: {} }]), ['FAILED   unknown.json odd', '           binding, but out of reach: no runner for kind guess', '13 passed, 1 failed, 2 skipped']],
])('one more file, %s, is told, and the others are run all the same', (name, content, told) => {
  const { lines, failed } = reportOf(folderWith(name, content));
  expect(failed).toBe(1);
  for (const line of told) expect(lines.join('\n')).toContain(line);
});

test('a folder without cases fails', () => {
  const folder = mkdtempSync(join(scratch, 'empty-'));
  expect(reportOf(folder)).toEqual({ lines: [`FAILED   ${folder} holds no cases`, '0 passed, 1 failed, 0 skipped'], failed: 1 });
});

test.each([
  ['our own cases', () => [OWN], 0, '13 passed, 0 failed, 2 skipped\n'],
  ['a failing case', () => [folderWith('fails', JSON.stringify([{ ...PER_UNIT, id: 'dear', expected: { amount: '70' } }]))], 1, '13 passed, 1 failed, 2 skipped\n'],
  ['a folder that is not there', () => [join(scratch, 'nowhere')], 1, ''],
  ['no folder', () => [], 2, ''],
])('the command, given %s', { timeout: 60_000 }, (_title, args, exitCode, end) => {
  const { status, stdout } = spawnSync(process.execPath, ['--conditions=development', MAIN, ...args()], { encoding: 'utf8' });
  expect(status).toBe(exitCode);
  expect(stdout.endsWith(end)).toBe(true);
});
