// What the operator of the database does with usage.
import type { Command } from '../command.ts';

export const archiveCommands: readonly Command[] = [
  {
    name: 'usage archive',
    summary: 'Takes the usage events of all time before a month out of the tables that usage is computed from, into tables of their own. For good.',
    details: 'As the owner of the database of DATABASE_URL, or of the embedded one while Valora is stopped. Only what is older than 400 days and sealed by billing runs. Ingest waits meanwhile.',
    options: { before: { value: 'month', description: 'The first month that stays: 2024-01.', required: true } },
    async run({ environment, output }, args) {
      const { archiveCommand } = await import('../archive-usage.ts');
      await archiveCommand(args.text('before'), environment, output.line);
    },
  },
];
