// The command line: `valora <command>`.
import { billTraceCommand } from './bill-trace-command.ts';
import { demo } from './demo.ts';
import { deploymentSecrets, migrateCommand } from './deployment.ts';
import { up } from './up.ts';

const USAGE = `Commands:
  up [--separate]          start Valora and keep it running, in one process or in six
  migrate                  bring the database of DATABASE_URL up to date
  deployment-secrets <folder>  write the secrets of a deployment, a file each
  demo                     bill a small sample and print the invoice
  bill-trace <folder>      bill a trace of LLM requests (llm-trace-*.csv) and print the invoices`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main([command, ...rest]: readonly string[]): Promise<void> {
  switch (command) {
    case 'up':
      return await up(rest, process.env, print);
    case 'migrate':
      return await migrateCommand(process.env, print);
    case 'deployment-secrets':
      return deploymentSecrets(rest, process.env, print);
    case 'demo':
      return await demo(print);
    case 'bill-trace':
      return await billTraceCommand(rest, process.env, print);
    default:
      process.exitCode = 2;
      print(USAGE);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = 1;
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`${process.env['VALORA_DEBUG'] === undefined ? message : stack}\n`);
}
