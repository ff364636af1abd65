// The command line: `valora <command>`.
import { commands } from './commands.ts';
import { runCommand } from './run-command.ts';

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

// A reader that has had enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommand(commands, process.argv.slice(2), {
  environment: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, stopSignal,
});
