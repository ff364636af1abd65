/**
 * The filters of a meter: which events it takes, by their properties.
 *
 * Every filter must hold, and one holds when the event's property is one of the filter's values, compared byte for
 * byte. The trap: an event without the property is not taken, and a name such as `constructor` is a property only if
 * the event has it itself.
 */
export interface PropertyFilter {
  readonly property: string;
  readonly values: readonly string[];
}

export function matchesFilters(
  filters: readonly PropertyFilter[],
  properties: Readonly<Record<string, string>>,
): boolean {
  return filters.every(({ property, values }) => {
    const value = Object.hasOwn(properties, property) ? properties[property] : undefined;
    return value !== undefined && values.includes(value);
  });
}
