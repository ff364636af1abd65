/** The reference of the command line says what the commands are, word for word. */
import { commands } from '@valora/cli/commands';
import { withReference } from '@valora/cli/reference';
import { expect, test } from 'vitest';
import { sourceFiles } from './tree.ts';

const [page] = sourceFiles(/^docs\/reference\/cli\.md$/);

test('docs/reference/cli.md is as `npm run reference` writes it', () => {
  expect(page?.text).toBe(withReference(page?.text ?? ''));
});

test('every command and option is documented, and nothing else is', () => {
  const documented = [...(page?.text ?? '').matchAll(/^## valora (.+)$/gm)].map(([, name]) => name);
  expect(documented).toEqual(commands.map(({ name }) => name));
  for (const { name, options = {} } of commands) {
    const section = page?.text.split(`\n## valora ${name}\n`)[1]?.split('\n## ')[0] ?? '';
    expect([...section.matchAll(/^\| `--([a-z-]+)/gm)].map(([, option]) => option), name).toEqual(Object.keys(options));
  }
});

test('every text of a command is a sentence', () => {
  const texts = commands.flatMap(({ name, summary, details, positionals = [], options = {} }) =>
    [summary, ...(details === undefined ? [] : [details]), ...positionals.map(({ description }) => description), ...Object.values(options).map(({ description }) => description)].map((text) => `${name}: ${text}`));
  expect(texts.filter((text) => !/[.)]$|valora\.fish$|'\.$/.test(text))).toEqual([]);
});
