// Starting Valora, and the two jobs that show what it does. Their code is loaded when they are asked for: the other commands
// need no database driver.
import type { Command } from '../command.ts';

export const startCommands: readonly Command[] = [
  {
    name: 'up',
    summary: 'Starts Valora, all services in one process, and keeps it running until a signal.',
    details: 'It reads the environment only: see the configuration reference.',
    async run({ environment, output }) {
      const { up } = await import('../up.ts');
      await up(environment, output.line);
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
