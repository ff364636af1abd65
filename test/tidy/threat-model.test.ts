/** Every threat that is stood against names a test, and the test exists under that name. */
import { expect, test } from 'vitest';
import { sourceFiles } from './tree.ts';

const [model] = sourceFiles(/^docs\/THREAT_MODEL\.md$/);
const REFERENCE = /`([^`]+\.test\.ts)` "([^"]+)"/g;

test('every test that the threat model names exists', () => {
  const named = [...(model?.text ?? '').matchAll(REFERENCE)].map(([, path = '', title = '']) => ({ path, title }));
  expect(named.length).toBeGreaterThan(20);
  const texts = new Map(sourceFiles(/\.test\.ts$/).map(({ path, text }) => [path, text.replaceAll("\\'", "'")]));
  expect(named.filter(({ path, title }) => texts.get(path)?.includes(title) !== true)).toEqual([]);
});

test('only threats without an answer yet name no test', () => {
  const rows = (model?.text ?? '').split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| threat'));
  const untested = rows.filter((row) => !/`[^`]+\.test\.ts`/.test(row)).map((row) => row.split('|')[1]?.trim());
  expect(untested).toEqual(['The owner of the database rewrites history']);
});
