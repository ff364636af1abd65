// JSON whose numbers keep their digits. JSON.parse makes each a binary floating-point number, in which 0.1 is something else and
// 9007199254740993 ends in 2; here a number is the text that stands in the document.

/** A number of a JSON document, as it is written there. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Reads a JSON document; its numbers become NumberText. Throws SyntaxError. */
export function parseExactJson(document: string): unknown {
  // Node hands the source text of each number to the reviver; the types of the language don't know that yet.
  const parse = JSON.parse as (text: string, reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown;
  return parse(document, (_name, value, { source }) => (typeof value === 'number' ? new NumberText(source ?? String(value)) : value));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}
