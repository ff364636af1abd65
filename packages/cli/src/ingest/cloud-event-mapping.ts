// From the rows of a CloudEvents file to usage events, by the client's own mapping: what the command line records is what a program
// that sends the same events records, under the same keys.
import { checkCloudEventMapping, CloudEventRefused, usageEventFromCloudEvent, type CloudEventMapping } from '@valora/client';
import { UsageError } from '../command.ts';
import type { CloudEventRow } from './cloud-event-rows.ts';
import type { Mapping } from './mapping.ts';
import { originOf, RowRefused } from './row.ts';

const PROPERTY = 'property.';
const OWN = { key: 'source and id', meter: 'type, or --meter <type>=<meter>', customer: 'subject', time: 'time' };

export interface CloudEventMappingOptions {
  /** Target to place; a target is `value`, `subscription` or `property.<name>`. */
  readonly places: ReadonlyMap<string, string>;
  /** Meter by type. */
  readonly meters: ReadonlyMap<string, string>;
  /** The place of the value by type. */
  readonly values: ReadonlyMap<string, string>;
  /** The source's name, for rejects. */
  readonly source: string;
}

/** Throws UsageError. */
export function createCloudEventMapping({ places, meters, values, source }: CloudEventMappingOptions): Mapping<CloudEventRow> {
  const mapping = checked({
    meters, values, ...valueAndSubscription(places),
    properties: new Map([...places].flatMap(([target, place]) => (target.startsWith(PROPERTY) ? [[target.slice(PROPERTY.length), place] as const] : []))),
  });
  return {
    check: () => {},
    origin: (row) => originOf(row, source),
    eventsOf(row) {
      try {
        return [usageEventFromCloudEvent(row.cloudEvent(), mapping)];
      } catch (error) {
        throw error instanceof CloudEventRefused ? new RowRefused(error.attribute, error.message) : error;
      }
    },
  };
}

function valueAndSubscription(places: ReadonlyMap<string, string>): Pick<CloudEventMapping, 'value' | 'subscription'> {
  for (const target of places.keys()) {
    const [, fixed] = Object.entries(OWN).find(([name]) => name === target) ?? [];
    if (fixed !== undefined) throw new UsageError(`The ${target} of a CloudEvent comes from ${fixed}; it isn't mapped.`);
    if (target !== 'value' && target !== 'subscription' && !target.startsWith(PROPERTY)) throw new UsageError(`An event has no "${target}". Map value, subscription or property.<name>.`);
  }
  const [value, subscription] = [places.get('value'), places.get('subscription')];
  return { ...(value === undefined ? {} : { value }), ...(subscription === undefined ? {} : { subscription }) };
}

function checked(mapping: CloudEventMapping): CloudEventMapping {
  try {
    checkCloudEventMapping(mapping);
    return mapping;
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}
