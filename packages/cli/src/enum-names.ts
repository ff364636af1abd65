// Enum values by their names. The contract prefixes each with its enum's name (AGGREGATION_SUM); people may leave that out.
import type { DescEnum, DescMessage } from '@bufbuild/protobuf';

type Values = Readonly<Record<string, number>>;

/** The name of a value of a generated enum: `HALF_UP`. */
export function enumName(values: Values, value: number): string {
  return Object.entries(values).find(([, number]) => number === value)?.[0] ?? String(value);
}

/** The names as the command line takes them: `half-up`. */
export function enumChoices(values: Values): string[] {
  return Object.keys(values).filter((name) => name !== 'UNSPECIFIED').map(choiceOf);
}

/** The value that a choice names; absent is 0, UNSPECIFIED. */
export function enumValue<Value extends number>(values: Readonly<Record<string, Value>>, choice: string | null): Value | 0 {
  return Object.entries(values).find(([name]) => choiceOf(name) === choice)?.[1] ?? 0;
}

function choiceOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The JSON with every enum value's prefix put where it was left out; everything else is left to the descriptor's own reader. */
export function withEnumPrefixes(descriptor: DescMessage, json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]: [string, unknown]) => {
    const field = descriptor.fields.find((each) => each.jsonName === name || each.name === name);
    const inner = field?.message;
    const described = field?.enum;
    const fixed = (element: unknown): unknown => (described !== undefined ? prefixed(described, element) : inner !== undefined ? withEnumPrefixes(inner, element) : element);
    return [name, field?.fieldKind === 'map' ? value : Array.isArray(value) ? value.map(fixed) : fixed(value)];
  }));
}

function prefixed({ sharedPrefix, values }: DescEnum, json: unknown): unknown {
  const name = `${sharedPrefix ?? ''}${String(json)}`.toUpperCase();
  return typeof json === 'string' && values.some((value) => value.name === name) ? name : json;
}
