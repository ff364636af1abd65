// Page tokens: the key of the last row of a page, opaque to callers. A list is in a total order by that key, so the next
// page starts right after it whatever was added in between.
import { fieldInvalid } from './errors.ts';

export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_SIZE_MAX = 1000;

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Page {
  /** How many rows to answer. */
  readonly size: number;
  /** The key after which the page starts; null for the first page. */
  readonly after: readonly string[] | null;
}

/** Reads page_size and page_token; `keyLength` is the number of columns of the list's key. */
export function parsePage(request: PageRequest, keyLength: number, limits = { sizeDefault: PAGE_SIZE_DEFAULT, sizeMax: PAGE_SIZE_MAX }): Page {
  const size = request.pageSize === 0 ? limits.sizeDefault : request.pageSize;
  if (size < 1 || size > limits.sizeMax) {
    throw fieldInvalid([{ field: 'page_size', reason: 'OUT_OF_RANGE', description: `Must lie in 1 … ${limits.sizeMax}, or be 0 for ${limits.sizeDefault}.` }]);
  }
  return { size, after: request.pageToken === '' ? null : parsePageToken(request.pageToken, keyLength) };
}

export function pageToken(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function parsePageToken(token: string, keyLength: number): readonly string[] {
  try {
    const key: unknown = token.length <= 2000 ? JSON.parse(Buffer.from(token, 'base64url').toString()) : null;
    if (Array.isArray(key) && key.length === keyLength && key.every((part): part is string => typeof part === 'string' && !part.includes('\0'))) return key;
  } catch {
    // Not JSON: answered below like every other malformed token.
  }
  throw fieldInvalid([{ field: 'page_token', reason: 'MALFORMED', description: 'Is not a token of this list. Send the next_page_token of the last response, or nothing for the first page.' }]);
}

/** Splits `size + 1` fetched rows into a page and the token of the next. */
export function paged<Row>(rows: readonly Row[], page: Page, keyOf: (row: Row) => readonly string[]): { rows: readonly Row[]; nextPageToken: string } {
  const shown = rows.slice(0, page.size);
  const last = shown.at(-1);
  return { rows: shown, nextPageToken: rows.length > page.size && last !== undefined ? pageToken(keyOf(last)) : '' };
}
