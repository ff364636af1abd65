// What a bench is told on its command line: whole numbers with a range, lists of them, and where to put a profile.
import { parseArgs } from 'node:util';

/** The default of each option; a list where several values are measured side by side. */
export type Settings = Readonly<Record<string, number | readonly number[] | string>>;

const WHOLE_NUMBERS = /^\d{1,9}(,\d{1,9})*$/;

/** The settings with what the command line changes. An option that the bench does not have, or one that is no number, ends with a message. */
export function parseSettings<Defaults extends Settings>(args: readonly string[], defaults: Defaults): Defaults {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [dashed(name), { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options });
  const settings = Object.entries(defaults).map(([name, standard]) => {
    const text = values[dashed(name)];
    return [name, typeof text === 'string' ? parsed(name, text, standard) : standard];
  });
  return Object.fromEntries(settings) as Defaults; // the same names with values of the same kinds
}

function parsed(name: string, text: string, standard: Settings[string]): Settings[string] {
  if (typeof standard === 'string') return text;
  if (!WHOLE_NUMBERS.test(text)) throw new Error(`--${dashed(name)} takes whole numbers, not ${text}.`);
  const numbers = text.split(',').map(Number);
  const [number, ...more] = numbers;
  if (typeof standard !== 'number') return numbers;
  if (number === undefined || more.length > 0) throw new Error(`--${dashed(name)} takes one number, not ${text}.`);
  return number;
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
