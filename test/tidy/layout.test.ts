/** Where files are and how long they get. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { root, sourceFiles } from './tree.ts';

const TOP_LEVEL = ['LICENSE', 'README.md', 'docs', 'infra', 'nx.json', 'package-lock.json', 'package.json', 'packages', 'proto', 'services', 'test', 'tsconfig.base.json'];
const NOT_COMMITTED = ['node_modules', 'coverage', 'data'];
const FILE_LINES_MAX = 400;
const README_LINES_MAX = 120;

const lineCount = (text: string): number => text.trimEnd().split('\n').length;

test('the top level holds what it must, dotfiles aside', () => {
  expect(readdirSync(root).filter((name) => !name.startsWith('.') && !NOT_COMMITTED.includes(name)).sort()).toEqual(TOP_LEVEL);
});

test(`no file of code is longer than ${FILE_LINES_MAX} lines`, () => {
  const code = sourceFiles(/\.(m?[tj]s|sql|sh|prisma|proto)$|^\.ci\/run$/).filter(({ path }) => !path.startsWith('proto/google/') && !path.startsWith('proto/grpc/'));
  expect(code.length).toBeGreaterThan(50);
  expect(code.filter(({ text }) => lineCount(text) > FILE_LINES_MAX).map(({ path, text }) => `${path}: ${lineCount(text)}`)).toEqual([]);
});

test(`the README has at most ${README_LINES_MAX} lines`, () => {
  expect(sourceFiles(/^README\.md$/).map(({ text }) => lineCount(text) <= README_LINES_MAX)).toEqual([true]);
});

test('files are named in kebab-case', () => {
  expect(sourceFiles(/\.ts$/).map(({ path }) => path).filter((path) => !/^[a-z0-9./-]+$/.test(path))).toEqual([]);
});
