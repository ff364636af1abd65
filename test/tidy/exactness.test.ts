/** No binary floating point and no clock where amounts are made: what of that can be read off the text. */
import { expect, test } from 'vitest';
import { occurrences, sourceFiles, withoutComments, withoutCommentsAndStrings } from './tree.ts';

const billing = sourceFiles(/^(packages\/rating|services\/[^/]+)\/src\/.*\.ts$/).map(withoutCommentsAndStrings);
const core = billing.filter(({ path }) => path.startsWith('packages/rating/'));
const product = sourceFiles(/^(packages|services)\/[^/]+\/src\/.*\.ts$/).map(withoutCommentsAndStrings);
const migrations = sourceFiles(/migrations\/.*\.sql$/).map(withoutComments);
const contracts = sourceFiles(/^proto\/valora\/.*\.proto$/).map(withoutComments);
const prismaSchemas = sourceFiles(/\.prisma$/).map(withoutComments);

test('the rules read something', () => {
  for (const files of [core, billing, product, migrations, contracts, prismaSchemas]) expect(files.length).toBeGreaterThan(0);
});

test('no text becomes a floating-point number', () => {
  expect(occurrences(product, /\bparseFloat\b|\bMath\.(round|fround|sqrt|pow|exp|log)\b/)).toEqual([]);
});

test('no fraction is written as a number', () => {
  expect(occurrences(billing, /(?<![\w.$])[0-9]+\.[0-9]+(?![\w.])|(?<![\w.$])[0-9]+e-[0-9]+\b/i)).toEqual([]);
});

test('billing code reads no clock of its own but for the deadlines of calls: times come from the database', () => {
  expect(occurrences(billing, /\bnew Date\b|(?<!deadlineMs: )\bDate\.(now|parse|UTC)\b|\bTemporal\.Now\b/)).toEqual([]);
});

test('the core is pure: no clock, chance, locale, environment or output', () => {
  expect(occurrences(core, /\bDate\b|\bMath\.random\b|\bperformance\b|\bprocess\b|\bIntl\b|\btoLocale|\blocaleCompare\b|\bconsole\b|\bfetch\b|\bcrypto\b|\bsetTimeout\b/)).toEqual([]);
});

test('contracts hold no floating-point and no unsigned numbers', () => {
  expect(occurrences(contracts, /\b(float|double|uint32|uint64|fixed32|fixed64)\b/)).toEqual([]);
});

test('tables hold no floating-point, no timestamps and no sequences', () => {
  expect(occurrences(migrations, /\b(real|float[48]?|double precision|money|timestamp|timestamptz|date|time|serial|bigserial|nextval)\b(?!\s*\()/i)).toEqual([]);
  expect(occurrences(migrations, /\bas identity\b|\bcreate sequence\b/i)).toEqual([]);
});

test('Prisma schemas hold no Float and no DateTime', () => {
  expect(occurrences(prismaSchemas, /\b(Float|DateTime)\b|autoincrement\(|now\(\)/)).toEqual([]);
});
