/**
 * Ids that follow from what they name.
 *
 * A derived record's id is a digest of its natural key, so writing it twice writes one record, and two machines agree
 * on the id without asking each other. The parts are hashed as a canonical JSON array, in which ('a', 'bc') and ('ab',
 * 'c') differ.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from './canonical-json.ts';

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_BYTES = 16;

/**
 * `<prefix>_` and 26 base32 digits: the first 128 bits of SHA-256 over the parts, read as one big-endian number in
 * Crockford's lower-case alphabet.
 */
export function derivedId(prefix: string, ...parts: readonly string[]): string {
  const digest = sha256(utf8ToBytes(canonicalJson(parts)));
  return `${prefix}_${crockford(digest.subarray(0, ID_BYTES))}`;
}

/** SHA-256 in lower-case hexadecimal; text is hashed as UTF-8. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return bytesToHex(sha256(typeof bytes === 'string' ? utf8ToBytes(bytes) : bytes));
}

/** Five bits a digit, from the last bit on. */
function crockford(bytes: Uint8Array): string {
  let digits = '';
  let rest = 0;
  let restBits = 0;
  for (const byte of bytes.toReversed()) {
    rest |= byte << restBits;
    for (restBits += 8; restBits >= 5; restBits -= 5) {
      digits = CROCKFORD.charAt(rest & 31) + digits;
      rest >>= 5;
    }
  }
  return CROCKFORD.charAt(rest) + digits;
}
