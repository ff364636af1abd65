/** Runs a folder and says what came of it: every failure, every skip with its reason, and the numbers in the last line. */
import { readFolder } from './read.ts';
import { judge } from './judge.ts';

export interface Report {
  readonly lines: readonly string[];
  readonly failed: number;
}

/** An unreadable file counts as a failure, and so does a folder without a single case. */
export function reportOf(folder: string): Report {
  const { cases, unreadable } = readFolder(folder);
  const verdicts = cases.map((one) => ({ one, verdict: judge(one) }));
  const lines = verdicts.flatMap(({ one: { file, id }, verdict }) => {
    if (verdict.kind === 'FAILED') return [`FAILED   ${file} ${id}`, ...verdict.why.map((difference) => `           ${difference}`)];
    return verdict.kind === 'SKIPPED' ? [`skipped  ${file} ${id}: ${verdict.why}`] : [];
  });
  const count = (kind: 'PASSED' | 'FAILED' | 'SKIPPED'): number => verdicts.filter(({ verdict }) => verdict.kind === kind).length;
  const files = unreadable.map(({ file, why }) => `FAILED   ${file} cannot be read: ${why}`);
  const empty = cases.length === 0 && unreadable.length === 0 ? [`FAILED   ${folder} holds no cases`] : [];
  const failed = count('FAILED') + files.length + empty.length;
  return { lines: [...lines, ...files, ...empty, `${count('PASSED')} passed, ${failed} failed, ${count('SKIPPED')} skipped`], failed };
}
