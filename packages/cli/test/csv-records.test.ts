/** Cutting what is too long out of CSV: laws over any text, in any chunks. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { boundedRecords } from '../src/ingest/csv-records.ts';
import { sendCsv } from './ingest-run.ts';

const BYTES_MAX = 12;

function chunked(text: string, sizes: readonly number[]): Readable {
  return Readable.from((function* () {
    for (let start = 0, turn = 0; start < text.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      yield Buffer.from(text.slice(start, start + size));
      start += size;
    }
  })());
}

/** Records as a person tells them apart: a line end within quotes ends none. */
function recordsOf(text: string): string[] {
  const records = [''];
  let isQuoted = false;
  for (const character of text) {
    records[records.length - 1] += character;
    if (character === '"') isQuoted = !isQuoted;
    if (character === '\n' && !isQuoted) records.push('');
  }
  return records.at(-1) === '' ? records.slice(0, -1) : records;
}

const cell = fc.oneof(fc.constantFrom('', 'a', 'bb', '""', '","', '"a\n"', '"\r\n"', '"""b"""'), fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 14 }), fc.string({ unit: fc.constantFrom('x', ',', '\n', '""'), maxLength: 9 }).map((text) => `"${text}"`));
const csv = fc.tuple(fc.array(fc.array(cell, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([rows, end, isEnded]) => rows.map((cells) => cells.join(',')).join(end) + (isEnded && rows.length > 0 ? end : ''));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

test('records that fit stay as they are, in their places; the others are cut, and said to be', async () => {
  await fc.assert(fc.asyncProperty(csv, sizes, async (text, chunkSizes) => {
    const { bytes, wasCut } = boundedRecords(chunked(text, chunkSizes), BYTES_MAX);
    let bounded = '';
    for await (const chunk of bytes) bounded += chunk.toString();
    const [before, after] = [recordsOf(text), recordsOf(bounded)];
    const fits = (record: string): boolean => record.length <= BYTES_MAX;
    expect(before.map((_, number) => wasCut(number))).toEqual(before.map((record) => !fits(record)));
    expect(after).toHaveLength(before.length);
    before.forEach((record, number) => {
      const left = after[number] ?? '';
      if (fits(record)) expect(left).toBe(record);
      // What is left of a record is seen as one by the parser, and refused.
      else expect([left.length <= 2 * BYTES_MAX + 3, left.trim() === '']).toEqual([true, false]);
    });
  }), { numRuns: 3_000 });
});

test.each([65_536, 100_000_000])('a row of 2 MB that ends the file, in chunks of %d, is refused and not overlooked', async (size) => {
  const text = `key,meter,customer,time,value,filler\n${'x'.repeat(2_000_000)}`;
  const { bytes, wasCut } = boundedRecords(chunked(text, [size]));
  let bounded = '';
  for await (const chunk of bytes) bounded += chunk.toString();
  expect([recordsOf(bounded).length, wasCut(0), wasCut(1)]).toEqual([2, false, true]);
  expect((await sendCsv(text)).refusals).toEqual([expect.stringMatching(/^1 ROW_MALFORMED : This row is longer/)]);
});

test('carriage returns alone end records too', async () => {
  const time = '2026-01-31T09:30:00Z';
  const { events, refusals } = await sendCsv(`key,meter,customer,time,value,filler\rk1,m,c,${time},1,a\rk2,m,c,${time},1,${'x'.repeat(2_000_000)}\rk3,m,c,${time},1,"b\rc"\r`);
  expect([events.map(({ idempotencyKey }) => idempotencyKey), refusals]).toEqual([['k1', 'k3'], [expect.stringMatching(/^2 ROW_MALFORMED : This row is longer/)]]);
});
