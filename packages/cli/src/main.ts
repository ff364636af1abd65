// The command line: `valora <command>`. What it loads is kept compiled between runs; that is why it is loaded after this
// file has begun.
import { enableCompileCache } from 'node:module';

enableCompileCache();
const [{ commands }, { runCommand }, { onStopSignal }] = await Promise.all([import('./commands.ts'), import('./run-command.ts'), import('./stop-signal.ts')]);

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  return stop.signal;
}

// A reader that has had enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommand(commands, process.argv.slice(2), {
  environment: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, stopSignal,
});
