/**
 * A group of usage: the values of the properties by which a price groups its events.
 *
 * An event without a property has `null` there, which is a value like any other. The trap: `null` and the text "null"
 * are two groups, so a group's key is its canonical JSON and never a joined text.
 */
import { canonicalJson } from '../canonical/canonical-json.ts';

export type UsageGroup = { readonly [property: string]: string | null };

/** One text for one group, also the order in which groups are listed. */
export function groupKey(group: UsageGroup): string {
  return canonicalJson(group);
}

/** The group of an event's own properties; a name such as `constructor` is one only if the event has it itself. */
export function groupOf(groupBy: readonly string[], properties: Readonly<Record<string, string>>): UsageGroup {
  return Object.fromEntries(groupBy.map((name) => [name, Object.hasOwn(properties, name) ? (properties[name] ?? null) : null]));
}

/** `region eu, size none`. */
export function describeGroup(group: UsageGroup): string {
  return Object.entries(group).map(([name, value]) => `${name} ${value ?? 'none'}`).join(', ');
}
