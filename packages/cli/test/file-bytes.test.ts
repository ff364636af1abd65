/** From a file's bytes to the texts of its rows: marks, encodings, gzip, and pieces that are too long or no UTF-8. */
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fileBytes } from '../src/ingest/file-bytes.ts';
import { formatOf, isTabSeparated, nameOf, rejectsOf } from '../src/ingest/file-format.ts';
import { elementsOf, linesOf, type Piece } from '../src/ingest/text-pieces.ts';

/** The bytes in chunks of every size that finds a seam: one byte, three, all. */
const cuts = [1, 3, 7, 100_000_000];

function chunked(bytes: Buffer, size: number): Readable {
  return Readable.from((function* () { for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size); })());
}

async function collect(pieces: AsyncIterable<Piece>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { number, text, fault } of pieces) seen.push(`${number}${fault === null ? '' : ` ${fault}`} ${text.length > 50 ? text.length : text}`);
  return seen;
}

const text = 'a é 😀\r\n\nlast';
const lines = ['1 a é 😀\r', '2 ', '3 last'];

test.each<{ title: string; bytes: Buffer }>([
  { title: 'plain', bytes: Buffer.from(text) },
  { title: 'with a byte order mark', bytes: Buffer.from(`\uFEFF${text}`) },
  { title: 'UTF-16, little end first', bytes: Buffer.from(`\uFEFF${text}`, 'utf16le') },
  { title: 'UTF-16, big end first', bytes: Buffer.from(`\uFEFF${text}`, 'utf16le').swap16() },
  { title: 'gzip', bytes: gzipSync(text) },
  { title: 'gzip in two members', bytes: Buffer.concat([gzipSync(text.slice(0, 3)), gzipSync(text.slice(3))]) },
  { title: 'gzip with a byte order mark', bytes: gzipSync(`\uFEFF${text}`) },
  { title: 'gzip of UTF-16', bytes: gzipSync(Buffer.from(`\uFEFF${text}`, 'utf16le')) },
])('$title: the lines are the same, whatever chunks they come in', async ({ bytes }) => {
  for (const size of cuts) expect(await collect(linesOf(fileBytes(chunked(bytes, size))))).toEqual(lines);
});

test.each([['', []], ['\n', ['1 ']], ['\n\na', ['1 ', '2 ', '3 a']], ['a', ['1 a']]])('%j has the lines %j', async (content, expected) => {
  expect(await collect(linesOf(fileBytes(chunked(Buffer.from(content), 1))))).toEqual(expected);
});

test('a line that is no UTF-8 is said to be, and no other', async () => {
  const bytes = Buffer.concat([Buffer.from('é\n'), Buffer.from([0xe9, 0x0a, 0xc0, 0xa0, 0x0a, 0xed, 0xa0, 0x80, 0x0a]), Buffer.from('\uFFFD\n')]);
  for (const size of cuts) expect(await collect(linesOf(chunked(bytes, size)))).toEqual(['1 é', '2 NOT_UTF_8 é', '3 NOT_UTF_8 À\u00a0', '4 NOT_UTF_8 í\u00a0\u0080', '5 \uFFFD']);
});

test.each([1_048_576, 1_048_577, 10_000_000])('a line of %d bytes stops no other', async (length) => {
  const bytes = Buffer.from(`first\n${'x'.repeat(length)}\nlast`);
  for (const size of [65_536, 100_000_000]) expect(await collect(linesOf(chunked(bytes, size)))).toEqual(['1 first', length > 1_048_576 ? '2 TOO_LONG 1000' : `2 ${length}`, '3 last']);
});

test.each([
  ['[]', []],
  [' [ ] \n', []],
  ['[{"a":[1,{"b":"]},["}]},{"c":"\\"]"}]', ['1 {"a":[1,{"b":"]},["}]}', '2 {"c":"\\"]"}']],
  ['[\n  {\n "a": 1 }\n , 2, "é\\\\" ,\n null]\n', ['1 \n  {\n "a": 1 }\n ', '2  2', '3  "é\\\\" ', '4 \n null']],
  ['[1,,2,]', ['1 1', '2 ', '3 2', '4 ']],
  ['[,]', ['1 ', '2 ']],
  ['[{"a":1}},{"b":2}]', ['1 {"a":1}}', '2 {"b":2}']],
])('the array %j has the elements %j', async (content, expected) => {
  for (const size of cuts) expect(await collect(elementsOf(chunked(Buffer.from(content), size)))).toEqual(expected);
});

test('elements that are too long or no UTF-8 stop no other', async () => {
  const bytes = Buffer.concat([Buffer.from(`["${'x,]'.repeat(4_000_000)}",{"a":"`), Buffer.from([0xff]), Buffer.from('"},3]')]);
  for (const size of [65_536, 100_000_000]) expect(await collect(elementsOf(chunked(bytes, size)))).toEqual(['1 TOO_LONG 1000', '2 NOT_UTF_8 {"a":"ÿ"}', '3 3']);
});

test.each([
  ['[1,{"a":', 'The file ends within the array, after element 1'],
  ['[1,2', 'The file ends within the array, after element 1'],
  ['["a]', 'The file ends within the array, after element 0'],
  ['[1] [2]', 'The array ends after element 1, and there is more behind it'],
])('%j is said to be broken, behind the elements before it', async (content, message) => {
  await expect(collect(elementsOf(chunked(Buffer.from(content), 1)))).rejects.toThrow(message);
});

test('a gzip file that is cut off is said to be, and not taken for its beginning', async () => {
  const packed = gzipSync(text.repeat(1_000));
  await expect(collect(linesOf(fileBytes(chunked(packed.subarray(0, -8), 100))))).rejects.toThrow(/^The gzip file is damaged or cut off: /);
});

test('UTF-16 that breaks off is said to be', async () => {
  await expect(collect(linesOf(fileBytes(chunked(Buffer.from('\uFEFFab', 'utf16le').subarray(0, -1), 100))))).rejects.toThrow(/^The file begins as UTF-16LE and does not stay so/);
});

test.each([
  ['/a/usage.csv', 'csv', 'usage.csv', '/a/usage.rejects.csv'], ['usage.TSV.gz', 'csv', 'usage.TSV', 'usage.rejects.tsv'], ['u.jsonl.gz', 'ndjson', 'u.jsonl', 'u.rejects.ndjson'],
  ['e.cloudevents.json', 'cloudevents', 'e.cloudevents.json', 'e.rejects.cloudevents.ndjson'], ['e.cloudevents.ndjson.gz', 'cloudevents', 'e.cloudevents.ndjson', 'e.rejects.cloudevents.ndjson'],
  ['e.rejects.cloudevents.ndjson', 'cloudevents', 'e.rejects.cloudevents.ndjson', 'e.rejects.rejects.cloudevents.ndjson'],
] as const)('%s is %s, its source is %s, and its rejects go to %s, which is read alike', (file, format, source, rejects) => {
  expect([formatOf(file, null), nameOf(file), rejectsOf(file, format)]).toEqual([format, source, rejects]);
  expect([formatOf(rejects, null), isTabSeparated(rejects)]).toEqual([format, isTabSeparated(file)]);
});

test('a file whose name says nothing is asked for', () => {
  expect(() => formatOf('usage.json', null)).toThrow('What is usage.json? Say --format csv, --format ndjson, --format cloudevents.');
  expect(formatOf('usage.json', 'cloudevents')).toBe('cloudevents');
});
