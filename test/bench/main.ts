// `npm run bench -- <name> [options]`: measures, tells on standard error how it goes, and prints one JSON object on standard output. A figure that misses its goal is a
// finding, not a failure: only what could not be measured ends with an error.
import { runBench } from './run-bench.ts';

const USAGE = `Benches:
  ingest    durable usage events, in batches and one by one
  close     closing a month, and verifying its invoices
  rating    lines, invoices and events in the core

Options are in docs/reference/performance.md.`;

const [name = '', ...args] = process.argv.slice(2);
try {
  const report = await runBench(name, args, (line) => void process.stderr.write(`${line}\n`));
  if (report === null) process.stderr.write(`${USAGE}\n`);
  else process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report === null ? 2 : 0;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
