// How far an ingest is: a line that is written anew on a terminal, a line now and then elsewhere.
import type { IngestCounts } from '@valora/client';

const TERMINAL_MS = 200;
const LINES_MS = 10_000;

export interface Progress {
  update(counts: IngestCounts): void;
  end(): void;
}

/** `share` answers how much of the source is read, from 0 to 100; null where that is not known. */
export function createProgress(stderr: { write(text: string): boolean; readonly isTTY?: boolean }, share: () => number | null): Progress {
  const started = performance.now();
  const intervalMs = stderr.isTTY === true ? TERMINAL_MS : LINES_MS;
  let shown = started;
  let width = 0;
  return {
    update({ recorded, duplicate, refused }) {
      const now = performance.now();
      if (now - shown < intervalMs) return;
      shown = now;
      const events = recorded + duplicate + refused;
      const percent = share();
      const rate = Math.trunc(events / ((now - started) / 1000));
      const text = `${percent === null ? '' : `${percent} %, `}${events} events, ${rate}/s, ${duplicate} known before, ${refused} refused`;
      stderr.write(stderr.isTTY === true ? `\r${text.padEnd(width)}` : `${text}\n`);
      width = text.length;
    },
    end() {
      if (stderr.isTTY === true && width > 0) stderr.write(`\r${' '.repeat(width)}\r`);
    },
  };
}
