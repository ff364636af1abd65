// Starting Valora, and the two jobs that show what it does. Their code is loaded when they are asked for: the other commands
// need no database driver.
import type { Command } from '../command.ts';

export const startCommands: readonly Command[] = [
  {
    name: 'up',
    summary: 'Starts Valora and keeps it running until a signal.',
    details: 'Everything else it reads from the environment: see the configuration reference.',
    options: { separate: { value: null, description: 'Six processes, one a service, each at a port of its own; otherwise one process with one port.' } },
    async run({ environment, output }, args) {
      const { up } = await import('../up.ts');
      await up(args.flag('separate'), environment, output.line);
    },
  },
  {
    name: 'migrate',
    summary: 'Brings the database of DATABASE_URL up to date, as its owner. Safe to repeat.',
    details: "The passwords of the services' logins derive from VALORA_ROLE_SECRET, or from the password in DATABASE_URL.",
    async run({ environment, output }) {
      const { migrateCommand } = await import('../deployment.ts');
      await migrateCommand(environment, output.line);
    },
  },
  {
    name: 'deployment-secrets',
    summary: 'Writes the secrets of a deployment of separate services, a file each. What is there stays.',
    details: "The owner's database is read from DATABASE_URL.",
    positionals: [{ name: 'folder', description: 'Where they are written, readable by their owner alone.' }],
    async run({ environment, output }, args) {
      const { deploymentSecrets } = await import('../deployment.ts');
      deploymentSecrets(args.positional('folder'), environment, output.line);
    },
  },
  {
    name: 'demo',
    summary: 'Bills a small sample in a Valora of its own, and prints the invoice with its derivation.',
    async run({ output }) {
      const { demo } = await import('../demo.ts');
      await demo(output.line);
    },
  },
  {
    name: 'bill-trace',
    summary: 'Bills a trace of LLM requests in a Valora of its own, and prints the invoices.',
    details: 'Kill it at any moment and start it again: it goes on, and the digests are the same.',
    positionals: [{ name: 'folder', description: 'Holds llm-trace-conversation.csv and llm-trace-code.csv.' }],
    options: {
      'batch-size': { value: 'n', description: 'Events to a request, 1 to 5000. Four requests run at once.', default: '1000' },
      shuffle: { value: 'seed', description: 'Sends the events in an order made from the seed, from 1 on.' },
      twice: { value: null, description: 'Sends every event a second time.' },
    },
    async run(context, args) {
      const { billTraceCommand } = await import('../bill-trace-command.ts');
      await billTraceCommand(context, args);
    },
  },
];
