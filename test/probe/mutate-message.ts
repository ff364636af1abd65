// Protobuf messages made bad in every way that a broken or hostile client could: in their bits, their lengths, their fields, their
// texts and their nesting. The same numbers from `below` make the same message.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Below } from '@valora/testkit/seeded';

interface Field {
  readonly number: number;
  readonly wireType: WireType;
  /** Without the length, where there is one. */
  readonly payload: Uint8Array;
}

const WIRE_TYPES = [WireType.Varint, WireType.Bit64, WireType.LengthDelimited, WireType.StartGroup, WireType.EndGroup, WireType.Bit32] as const;
const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 2_047, 19_000, 536_870_911];
const VARINTS = [[0], [1], [0x7f], [0xff, 0xff, 0xff, 0xff, 0x07], [0xff, 0xff, 0xff, 0xff, 0x0f], [...Array<number>(9).fill(0xff), 0x01], [...Array<number>(9).fill(0xff), 0x7f], Array<number>(20).fill(0x80)];
const TEXTS = [
  '', '\0', '\uFFFD', '\uFEFF', '\u{1F600}', '__proto__', 'constructor', 'NULL', "'; drop table usage_event; --", '{}', '[]', '"', '\\', '%s%n', 'NaN', '-1', '1e9', '9'.repeat(60), 'x'.repeat(129), 'x'.repeat(3_000),
  'tokens', 'acme', 'k1', 'Europe/Paris', 'Etc/../../passwd',
].map((text) => Buffer.from(text)).concat([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x28, 0xa1]].map((bytes) => Buffer.from(bytes)));
const DEPTH_MAX = 5;
const NESTING = 20_000;

/** A message with one to four things wrong. */
export function mutated(message: Uint8Array, below: Below): Buffer {
  let bytes: Buffer = Buffer.from(message);
  for (let left = 1 + below(4); left > 0; left -= 1) bytes = below(2) === 0 ? mutatedBytes(bytes, below) : mutatedFields(bytes, below, 0);
  return bytes;
}

function mutatedBytes(bytes: Buffer, below: Below): Buffer {
  const at = below(bytes.length + 1);
  const length = below(Math.min(40, bytes.length - at + 1));
  switch (below(7)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      const byte = flipped[at];
      if (byte !== undefined) flipped[at] = byte ^ (1 << below(8));
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(Array.from({ length: below(20) }, () => below(256))), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(VARINTS[below(VARINTS.length)] ?? []), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes, bytes]);
  }
}

/** Changes one field, or one within it; bytes that are no message are changed as bytes. */
function mutatedFields(bytes: Buffer, below: Below, depth: number): Buffer {
  const fields = fieldsOf(bytes);
  const at = below(Math.max(1, fields?.length ?? 0));
  const field = fields?.[at];
  if (fields === null || field === undefined) return mutatedBytes(bytes, below);
  const withInstead = (...instead: readonly Field[]): Buffer => written([...fields.slice(0, at), ...instead, ...fields.slice(at + 1)]);
  const other = fields[below(fields.length)] ?? field;
  switch (below(field.wireType === WireType.LengthDelimited && depth < DEPTH_MAX ? 16 : 9)) {
    case 0:
      return withInstead();
    case 1:
      return withInstead(...Array<Field>(2 + below(50)).fill(field));
    case 2:
      return withInstead({ ...field, number: other.number }, { ...other, number: field.number });
    case 3:
      return withInstead({ ...field, wireType: WIRE_TYPES[below(WIRE_TYPES.length)] ?? WireType.Varint });
    case 4:
      return withInstead({ ...field, number: NUMBERS[below(NUMBERS.length)] ?? 1 });
    case 5:
      return withInstead(field, { number: 100 + below(1_000), wireType: WireType.LengthDelimited, payload: field.payload });
    case 6:
      return withInstead({ number: field.number, wireType: WireType.Varint, payload: Buffer.from(VARINTS[below(VARINTS.length)] ?? []) });
    case 7:
      return withInstead({ number: field.number, wireType: WireType.LengthDelimited, payload: TEXTS[below(TEXTS.length)] ?? Buffer.alloc(0) });
    case 8:
      return below(20) === 0 ? withInstead({ ...field, payload: nested(field, below) }) : withInstead(field, field);
    default:
      return withInstead({ ...field, payload: mutatedFields(Buffer.from(field.payload), below, depth + 1) });
  }
}

/** A field within itself, or groups within groups, 20,000 deep. */
function nested({ number, payload }: Field, below: Below): Buffer {
  if (below(2) === 0) return Buffer.alloc(NESTING, (number << 3) | WireType.StartGroup);
  const heads: Uint8Array[] = [];
  let length = payload.length;
  while (heads.length < NESTING) {
    const head = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish();
    heads.push(head);
    length += head.length;
  }
  return Buffer.concat([...heads.toReversed(), payload]);
}

function fieldsOf(bytes: Buffer): readonly Field[] | null {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      const start = reader.pos;
      if (wireType === WireType.LengthDelimited) fields.push({ number, wireType, payload: reader.bytes() });
      else {
        reader.skip(wireType);
        fields.push({ number, wireType, payload: bytes.subarray(start, reader.pos) });
      }
    }
    return fields;
  } catch {
    return null;
  }
}

function written(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(({ number, wireType, payload }) => {
    const head = new BinaryWriter().uint32(((number << 3) | wireType) >>> 0);
    if (wireType === WireType.LengthDelimited) head.uint32(payload.length);
    return [head.finish(), payload];
  }));
}
