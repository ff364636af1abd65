// What was typed after a command's words, checked against what the command declares; each value is read by the type it is
// to have.
import { parseArgs } from 'node:util';
import { timestampFromText, type Timestamp } from '@valora/client';
import { UsageError, type Command, type OptionDeclaration, type PositionalDeclaration } from './command.ts';
import { globalOptionsOf } from './global-options.ts';

type Declared = Readonly<Record<string, OptionDeclaration>>;

export class Arguments {
  readonly #values: Readonly<Record<string, readonly string[]>>;
  readonly #flags: ReadonlySet<string>;
  readonly #positionals: Readonly<Record<string, readonly string[]>>;

  constructor(values: Readonly<Record<string, readonly string[]>>, flags: ReadonlySet<string>, positionals: Readonly<Record<string, readonly string[]>>) {
    this.#values = values;
    this.#flags = flags;
    this.#positionals = positionals;
  }

  flag(name: string): boolean {
    return this.#flags.has(name);
  }

  list(name: string): readonly string[] {
    return this.#values[name] ?? [];
  }

  optional(name: string): string | null {
    return this.list(name).at(-1) ?? null;
  }

  text(name: string): string {
    return this.optional(name) ?? '';
  }

  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number {
    return wholeNumber(`--${name}`, this.text(name), { min, max });
  }

  time(name: string): Timestamp | undefined {
    const text = this.optional(name);
    return text === null ? undefined : parseTime(`--${name}`, text);
  }

  positional(name: string): string {
    return this.#positionals[name]?.[0] ?? '';
  }

  positionals(name: string): readonly string[] {
    return this.#positionals[name] ?? [];
  }
}

export function parseTime(what: string, text: string): Timestamp {
  try {
    return timestampFromText(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`${what}: ${error.message}`);
  }
}

export function wholeNumber(what: string, text: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : min - 1;
  if (value < min || value > max) throw new UsageError(`${what} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}

/** `name=value`, as `--map` and others take it. */
export function parsePair(what: string, text: string): readonly [name: string, value: string] {
  const cut = text.indexOf('=');
  if (cut < 1) throw new UsageError(`${what} must be written as name=value, not "${text}".`);
  return [text.slice(0, cut), text.slice(cut + 1)];
}

/** Reads the words and options after the command's own words. Throws UsageError. */
export function parseArguments(command: Command, words: readonly string[]): Arguments {
  const declared: Declared = { ...globalOptionsOf(command), ...command.options };
  const { values, positionals } = readWords(declared, words);
  const texts: Record<string, readonly string[]> = {};
  const flags = new Set<string>();
  for (const [name, option] of Object.entries(declared)) {
    const given = values[name];
    if (given === undefined) {
      if (option.required === true) throw new UsageError(`--${name} <${option.value}> is missing: ${option.description}`);
      if (option.default !== undefined) texts[name] = [option.default];
    } else if (option.value === null) {
      flags.add(name);
    } else {
      texts[name] = given;
      for (const text of given) checkChoice(`--${name}`, text, option.choices);
    }
  }
  return new Arguments(texts, flags, bindPositionals(command, positionals));
}

function readWords(declared: Declared, words: readonly string[]): { values: Readonly<Record<string, readonly string[]>>; positionals: readonly string[] } {
  const options = Object.fromEntries(Object.entries(declared).map(([name, { value }]) => [name, { type: value === null ? ('boolean' as const) : ('string' as const), multiple: true }]));
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
    const texts = Object.entries(values).map(([name, given]) => [name, (Array.isArray(given) ? given : [given]).map(String)] as const);
    for (const [name, given] of texts) {
      if (given.length > 1 && declared[name]?.repeated !== true && declared[name]?.value !== null) throw new UsageError(`--${name} is given ${given.length} times; it takes one value.`);
    }
    return { values: Object.fromEntries(texts), positionals };
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) throw new UsageError(error.message.replace(/^(Unknown option '[^']+')[\s\S]*$/, '$1.'));
    throw error;
  }
}

function bindPositionals({ name: command, positionals: declared = [] }: Command, given: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const bound = declared.map((declaration, index): readonly [PositionalDeclaration, readonly string[]] => [declaration, declaration.repeated === true ? given.slice(index) : given.slice(index, index + 1)]);
  for (const [{ name, optional, choices, description }, texts] of bound) {
    if (texts.length === 0 && optional !== true) throw new UsageError(`<${name}> is missing: ${description}`);
    for (const text of texts) checkChoice(`<${name}>`, text, choices);
  }
  const taken = bound.reduce((count, [, texts]) => count + texts.length, 0);
  if (taken < given.length) throw new UsageError(`"${given[taken]}" is more than \`valora ${command}\` takes.`);
  return Object.fromEntries(bound.map(([{ name }, texts]) => [name, texts]));
}

function checkChoice(what: string, text: string, choices: readonly string[] | undefined): void {
  if (choices !== undefined && !choices.includes(text)) throw new UsageError(`${what} must be one of ${choices.join(', ')}, not "${text}".`);
}
