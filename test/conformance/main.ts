// `npm run conformance -- <folder>`: runs cases with known answers, read from the test suites of other systems, through the core. The format is in
// docs/reference/conformance.md. Exit codes: 0, nothing failed; 1, a case failed or a file could not be read; 2, the command line is wrong.
import { reportOf } from './report.ts';

const [folder, ...others] = process.argv.slice(2);
if (folder === undefined || others.length > 0) {
  process.stderr.write('Say which folder holds the cases: npm run conformance -- <folder>\n');
  process.exitCode = 2;
} else {
  try {
    const { lines, failed } = reportOf(folder);
    process.stdout.write(`${lines.join('\n')}\n`);
    process.exitCode = failed === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
