/** What is said while a file is sent. */
import { expect, test } from 'vitest';
import { createProgress, progressText } from '../src/ingest/progress.ts';

const counts = { recorded: 900, duplicate: 90, refused: 10 };

test.each([
  ['a file', { bytes: 250, ofBytes: 1_000 }, 2_000, '25 %, 1000 events, 500/s, 90 known before, 10 refused, 6 s left'],
  ['a large file', { bytes: 1, ofBytes: 1_000 }, 61_000, '0 %, 1000 events, 16/s, 90 known before, 10 refused, 16 h 55 min left'],
  ['a file of minutes', { bytes: 500, ofBytes: 1_000 }, 90_500, '50 %, 1000 events, 11/s, 90 known before, 10 refused, 1 min 31 s left'],
  ['a file that is read', { bytes: 1_000, ofBytes: 1_000 }, 2_000, '100 %, 1000 events, 500/s, 90 known before, 10 refused, 0 s left'],
  ['a file that grew', { bytes: 1_500, ofBytes: 1_000 }, 2_000, '100 %, 1000 events, 500/s, 90 known before, 10 refused, 0 s left'],
  ['a file of which nothing is read', { bytes: 0, ofBytes: 1_000 }, 0, '0 %, 1000 events, 1000000/s, 90 known before, 10 refused'],
  ['standard input', null, 2_000, '1000 events, 500/s, 90 known before, 10 refused'],
])('%s', (_title, read, elapsedMs, text) => {
  expect(progressText(counts, read, elapsedMs)).toBe(text);
});

test.each([
  { title: 'a terminal has one line, written anew and in the end removed', isTTY: true, times: [0, 100, 250], written: ['\r50 %, 1000 events, 4000/s, 90 known before, 10 refused, 1 s left', `\r${' '.repeat(64)}\r`] },
  { title: 'anything else has a line every ten seconds', isTTY: false, times: [0, 9_000, 10_000, 11_000], written: ['50 %, 1000 events, 100/s, 90 known before, 10 refused, 10 s left\n'] },
])('$title', ({ isTTY, times, written }) => {
  const seen: string[] = [];
  const [started = 0, ...later] = times;
  let now = started;
  const progress = createProgress({ write: (text) => { seen.push(text); return true; }, isTTY }, () => ({ bytes: 500, ofBytes: 1_000 }), () => now);
  for (const time of later) {
    now = time;
    progress.update(counts);
  }
  progress.end();
  expect(seen).toEqual(written);
});
