// The options that say which part of a row is what. Rows with columns and CloudEvents have each their own; one that does nothing
// for a format is refused, since whoever gave it expects it to.
import { parsePair, type Arguments } from '../arguments.ts';
import { UsageError } from '../command.ts';
import { createCloudEventMapping } from './cloud-event-mapping.ts';
import type { CloudEventRow } from './cloud-event-rows.ts';
import { nameOf, STDIN } from './file-format.ts';
import { createMapping, TIME_FORMATS, type Mapping } from './mapping.ts';

const OF_ROWS = ['constant', 'meter-column', 'time-format', 'key-from-row', 'delimiter'];
const OF_CLOUD_EVENTS = ['meter', 'value'];

export function rowMappingOf(args: Arguments): { readonly rows: Mapping } {
  refuse(OF_CLOUD_EVENTS, args, 'is for CloudEvents. Say --map and --constant.');
  const keyFromRow = args.flag('key-from-row');
  const source = args.optional('source') ?? nameOf(args.positional('file'));
  if (keyFromRow && source === STDIN) throw new UsageError('Keys that derive from rows need a name for standard input: --source <name>, the same for the same data.');
  const constants = new Map(args.list('constant').map((text) => parsePair('--constant', text)));
  return {
    rows: createMapping({ columns: pairs('map', args, ','), constants, meterColumns: pairs('meter-column', args, ','), timeFormat: TIME_FORMATS.find((each) => each === args.text('time-format')) ?? 'rfc3339', keyFromRow, source }),
  };
}

export function cloudEventMappingOf(args: Arguments): { readonly cloudEvents: Mapping<CloudEventRow> } {
  refuse(OF_ROWS, args, 'does nothing for CloudEvents. To read their lines as any other JSON, say --format ndjson.');
  return { cloudEvents: createCloudEventMapping({ places: pairs('map', args, ','), meters: pairs('meter', args), values: pairs('value', args), source: args.optional('source') ?? nameOf(args.positional('file')) }) };
}

function refuse(options: readonly string[], args: Arguments, why: string): void {
  const given = options.find((option) => args.flag(option) || args.list(option).length > 0);
  if (given !== undefined) throw new UsageError(`--${given} ${why}`);
}

/** `target=column` pairs; several to an option where something parts them. */
function pairs(option: string, args: Arguments, between?: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const text of args.list(option).flatMap((each) => (between === undefined ? [each] : each.split(between)))) {
    const [target, value] = parsePair(`--${option}`, text);
    if (found.has(target)) throw new UsageError(`--${option} names "${target}" twice.`);
    found.set(target, value);
  }
  return found;
}
