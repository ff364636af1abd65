/** Members of a case, read from JSON that anybody may have written: each is asked for by name and kind, and a wrong one is named. */
export type Fields = Readonly<Record<string, unknown>>;

/** The case or its file is not in the format; never a verdict on the product. */
export class MalformedCase extends Error {
  override readonly name = 'MalformedCase';
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedCase(`${what} is not an object`);
  return value as Fields; // a parse edge: every member is checked where it is read
}

export function has(fields: Fields, name: string): boolean {
  return fields[name] !== undefined && fields[name] !== null;
}

export function object(fields: Fields, name: string): Fields {
  return fieldsOf(fields[name], name);
}

/** Text, or a whole number as text: positions and exponents come as JSON numbers, quantities and amounts never do. */
export function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value.toString();
  if (typeof value !== 'string') throw new MalformedCase(`${name} is not text`);
  return value;
}

/** `null` where the member is absent or null. */
export function textIfAny(fields: Fields, name: string): string | null {
  return has(fields, name) ? text(fields, name) : null;
}

export function wholeNumber(fields: Fields, name: string): number {
  const digits = text(fields, name);
  if (!/^[0-9]{1,9}$/.test(digits)) throw new MalformedCase(`${name} is not a whole number`);
  return Number(digits);
}

export function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new MalformedCase(`${name} is not a list`);
  return value;
}

export function objects(fields: Fields, name: string): readonly Fields[] {
  return list(fields, name).map((value) => fieldsOf(value, `a member of ${name}`));
}

export function texts(fields: Fields, name: string): readonly string[] {
  return list(fields, name).map((value) => {
    if (typeof value !== 'string') throw new MalformedCase(`a member of ${name} is not text`);
    return value;
  });
}
