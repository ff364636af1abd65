/** What may be typed after a command, and what is said where it may not. */
import { expect, test } from 'vitest';
import { parseArguments, parsePair, wholeNumber } from '../src/arguments.ts';
import { UsageError, type Command } from '../src/command.ts';
import { commands } from '../src/commands.ts';
import { globalOptions } from '../src/global-options.ts';
import { runCommand } from '../src/run-command.ts';
import { testSurroundings } from './surroundings.ts';

const command: Command = {
  name: 'thing make',
  summary: 'Makes a thing.',
  positionals: [{ name: 'code', description: 'Its code.' }, { name: 'more', description: 'Others.', optional: true, repeated: true }],
  options: {
    size: { value: 'n', description: 'How large.', default: '3' },
    colour: { value: 'c', description: 'Its colour.', choices: ['red', 'green'] },
    tag: { value: 't', description: 'A tag.', repeated: true },
    fast: { value: null, description: 'Hurries.' },
    from: { value: 'time', description: 'From when.' },
  },
  credential: 'an API key',
  run: async () => {},
};

test('options, their defaults, repetitions and positionals are read', () => {
  const args = parseArguments(command, ['a', '--tag', 'x', 'b', '--tag=y', '--colour', 'red', '--json', 'c']);
  expect([args.positional('code'), args.positionals('more'), args.list('tag'), args.text('colour'), args.integer('size', { min: 1, max: 9 })]).toEqual(['a', ['b', 'c'], ['x', 'y'], 'red', 3]);
  expect([args.flag('json'), args.flag('fast'), args.optional('from')]).toEqual([true, false, null]);
});

test.each([
  [[], '<code> is missing: Its code.'],
  [['a', '--colour', 'blue'], '--colour must be one of red, green, not "blue".'],
  [['a', '--size', '1', '--size', '2'], '--size is given 2 times; it takes one value.'],
  [['a', '--unknown'], "Unknown option '--unknown'."],
])('%j: %s', (words, message) => {
  expect(() => parseArguments(command, words)).toThrow(new UsageError(message));
});

test.each(['', '-1', '1.5', '1e3', '0x10', '10', ' 1', '１'])('"%s" is no whole number from 0 to 9', (text) => {
  expect(() => wholeNumber('--n', text, { min: 0, max: 9 })).toThrow(UsageError);
});

test('a pair is cut at its first =', () => {
  expect(parsePair('--map', 'value=a=b')).toEqual(['value', 'a=b']);
  expect(() => parsePair('--map', '=a')).toThrow(UsageError);
});

test('a time that does not exist names its option', () => {
  expect(() => parseArguments(command, ['a', '--from', '2026-02-30T00:00:00Z']).time('from')).toThrow(/^--from: "2026-02-30T00:00:00Z" is no time that exists\./);
});

test('every command has words of its own, and no option hides one of all commands', () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  const hidden = commands.flatMap(({ name, options = {} }) => Object.keys(options).filter((option) => Object.hasOwn(globalOptions, option)).map((option) => `${name} --${option}`));
  expect(hidden).toEqual([]);
});

test.each(commands.map(({ name, summary }) => ({ name, summary })))('valora $name --help shows what it takes and ends with 0', async ({ name, summary }) => {
  const surroundings = testSurroundings();
  expect(await runCommand(commands, [...name.split(' '), '--help'], surroundings)).toBe(0);
  expect(surroundings.out()).toContain(`Usage: valora ${name}`);
  expect(surroundings.out()).toContain(summary);
});

test('a command that calls nobody takes no address: it would not use it', async () => {
  const surroundings = testSurroundings();
  expect(await runCommand(commands, ['up', '--address', '0.0.0.0:50051'], surroundings)).toBe(2);
  expect(surroundings.err()).toBe("Unknown option '--address'.\nUsage: valora up [options]\n");
});

test('help lists every command, and those of a noun', async () => {
  const all = testSurroundings();
  expect(await runCommand(commands, ['--help'], all)).toBe(0);
  for (const { name } of commands) expect(all.out()).toContain(`  ${name} `);
  const noun = testSurroundings();
  expect(await runCommand(commands, ['invoices', '--help'], noun)).toBe(0);
  expect(noun.out()).not.toContain('  org create');
});
