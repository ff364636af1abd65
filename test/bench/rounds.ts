// Interleaving: figures that are compared are measured in turn, round by round and every other round in the opposite order, so that whatever else the machine does
// falls on all of them alike.
import { figureOf, type Figure, type Round } from './report.ts';

export interface Series {
  readonly name: string;
  /** Of what the rate is: `events/s`. */
  readonly unit: string;
  round(): Promise<Round> | Round;
}

export type Progress = (line: string) => void;

/** Every series once untimed, to warm up, then `rounds` times; by name. */
export async function interleaved(series: readonly Series[], { rounds, progress }: { readonly rounds: number; readonly progress: Progress }): Promise<ReadonlyMap<string, Figure>> {
  const measured = new Map<string, Round[]>(series.map(({ name }) => [name, []]));
  for (const { name, round } of series) {
    progress(`warming up: ${name}`);
    await round();
  }
  for (let number = 1; number <= rounds; number += 1) {
    for (const { name, unit, round } of number % 2 === 1 ? series : series.toReversed()) {
      const found = await round();
      measured.get(name)?.push(found);
      progress(`round ${number} of ${rounds}: ${name} ${Math.round(found.count / found.seconds)} ${unit}`);
    }
  }
  return new Map(series.map(({ name, unit }) => [name, figureOf(unit, measured.get(name) ?? [])]));
}

/** Those figures whose name starts so, without that start. */
export function named(figures: ReadonlyMap<string, Figure>, start: string): Record<string, Figure> {
  return Object.fromEntries([...figures].flatMap(([name, figure]) => (name.startsWith(start) ? [[name.slice(start.length), figure]] : [])));
}

export function figure(figures: ReadonlyMap<string, Figure>, name: string): Figure {
  const found = figures.get(name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}

/** Calls `send` for every item, `atOnce` at a time; each call's time in milliseconds. */
export async function sendAll<Item>(items: readonly Item[], atOnce: number, send: (item: Item) => Promise<void>): Promise<Round> {
  const latenciesMs: number[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      const sentMs = performance.now();
      await send(item);
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, sender));
  return { count: items.length, seconds: (performance.now() - startMs) / 1000, latenciesMs };
}
