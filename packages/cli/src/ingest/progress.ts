// How far an ingest is: a line that is written anew on a terminal, a line now and then elsewhere.
import type { IngestCounts } from '@valora/client';

const TERMINAL_MS = 200;
const LINES_MS = 10_000;

/** How much of a source is read, in bytes. */
export interface Read {
  readonly bytes: number;
  readonly ofBytes: number;
}

export interface Progress {
  update(counts: IngestCounts): void;
  end(): void;
}

/** `read` answers null where the source has no size. */
export function createProgress(stderr: { write(text: string): boolean; readonly isTTY?: boolean }, read: () => Read | null, nowMs: () => number = () => performance.now()): Progress {
  const started = nowMs();
  const intervalMs = stderr.isTTY === true ? TERMINAL_MS : LINES_MS;
  let shown = started;
  let width = 0;
  return {
    update(counts) {
      const now = nowMs();
      if (now - shown < intervalMs) return;
      shown = now;
      const text = progressText(counts, read(), now - started);
      stderr.write(stderr.isTTY === true ? `\r${text.padEnd(width)}` : `${text}\n`);
      width = text.length;
    },
    end() {
      if (stderr.isTTY === true && width > 0) stderr.write(`\r${' '.repeat(width)}\r`);
    },
  };
}

/** The time that is left goes by the bytes: as many a second as so far. */
export function progressText({ recorded, duplicate, refused }: IngestCounts, read: Read | null, elapsedMs: number): string {
  const events = recorded + duplicate + refused;
  const rate = Math.trunc((events * 1000) / Math.max(elapsedMs, 1));
  const done = read === null || read.ofBytes === 0 ? '' : `${Math.trunc((Math.min(read.bytes, read.ofBytes) / read.ofBytes) * 100)} %, `;
  const left = read === null || read.bytes === 0 ? '' : `, ${durationText(((Math.max(read.ofBytes - read.bytes, 0)) * elapsedMs) / read.bytes)} left`;
  return `${done}${events} events, ${rate}/s, ${duplicate} known before, ${refused} refused${left}`;
}

function durationText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  const [hours, minutes] = [Math.trunc(seconds / 3600), Math.trunc(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
