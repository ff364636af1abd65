// A whole catalog from a file.
import type { Command } from '../command.ts';
import { readText } from '../context.ts';
import { oneLine, tableLines } from '../output.ts';

export const catalogCommands: readonly Command[] = [
  {
    name: 'catalog apply',
    summary: 'Makes meters, prices with their versions and plans as a file says; what exists and is the same is left alone.',
    details: 'The file is JSON with the lists meters, prices (each with versions) and plans, in the field names of the contract. Applying it twice changes nothing. Every problem is named. With one that shows beforehand nothing is made; one that only the making shows says what was made, and the file is applied again when it is mended.',
    credential: 'an API key',
    positionals: [{ name: 'file', description: 'The catalog.' }],
    options: {
      'dry-run': { value: null, description: 'Shows what would be made, and makes nothing.' },
      'allow-back-dating': { value: null, description: 'Needed where a new version is in force from a time in the past. Billed cycles stay as they are.' },
    },
    async run(context, args) {
      const [{ parseCatalog }, { applyCatalog }] = await Promise.all([import('../catalog/catalog-file.ts'), import('../catalog/apply-catalog.ts')]);
      const catalog = parseCatalog(readText(args.positional('file')));
      const client = context.client();
      // Only a file that leaves currencies out makes this key need the scope organization:read.
      const currencyCode = catalog.prices.some((price) => price.currencyCode === '') ? ((await client.organizations.getOrganization({})).organization?.currencyCode ?? '') : '';
      const dryRun = args.flag('dry-run');
      const { changes, unchangedCount, warnings } = await applyCatalog(client, catalog, { currencyCode, allowBackDating: args.flag('allow-back-dating'), dryRun });
      const made = dryRun ? 'would be made' : 'made';
      context.output.value(
        () => ({ dryRun, changes: changes.map(({ kind, name, path }) => ({ kind, name, path })), unchangedCount, warnings }),
        () => [
          ...tableLines(changes.map(({ kind, name }) => [kind, name, made])),
          `${changes.length === 0 ? 'Nothing to do' : `${changes.length} ${made}`}, ${unchangedCount} there already.`,
        ]);
      for (const { path, reason, message } of warnings) context.note(`${path}: ${reason} ${oneLine(message)}`);
    },
  },
];
