/** The reference of reasons says what the code throws, and the code throws what the reference says, with the same code. */
import { commonErrorTable, fenceErrorTable, type ErrorTable } from '@valora/chassis';
import { RATING_REASONS } from '@valora/rating';
import { expect, test } from 'vitest';
import { sourceFiles } from './tree.ts';

const [reference] = sourceFiles(/^docs\/reference\/errors\.md$/);
const ROW = /^\| `([A-Z][A-Z0-9_]*)` \| `?([A-Z_]+|—)`? \|([^|]+)\|([^|]+)\|$/gm;
const DECLARED = /^ {2}([A-Z][A-Z0-9_]*): \{\s*code: '([A-Z_]+)'/gm;

interface Reason {
  readonly reason: string;
  readonly code: string;
}

/** In the code: tables are read as text, since a test of the tree imports no service. */
function declaredReasons(): Reason[] {
  const ofTable = (table: ErrorTable): Reason[] => Object.entries(table).map(([reason, { code }]) => ({ reason, code }));
  const ofServices = sourceFiles(/^services\/[^/]+\/src\/errors\.ts$/).flatMap(({ text }) => [...text.matchAll(DECLARED)].map(([, reason = '', code = '']) => ({ reason, code })));
  const events = ['METER_UNKNOWN', 'EVENT_TOO_FAR_AHEAD', 'IDEMPOTENCY_KEY_REUSED', 'USAGE_ARCHIVED'];
  const runs = [...Object.keys(RATING_REASONS), 'RUN_DIGEST_MISMATCH'];
  return [
    ...ofTable(commonErrorTable), ...ofTable(fenceErrorTable), { reason: 'FIELD_INVALID', code: 'INVALID_ARGUMENT' }, ...ofServices,
    ...[...events, ...runs].map((reason) => ({ reason, code: '—' })),
  ];
}

function text({ reason, code }: Reason): string {
  return `${reason} ${code}`;
}

test('docs/reference/errors.md names exactly the reasons that exist', () => {
  const documented = [...(reference?.text ?? '').matchAll(ROW)].map(([, reason = '', code = '']) => text({ reason, code }));
  expect([...new Set(documented)].toSorted()).toEqual([...new Set(declaredReasons().map(text))].toSorted());
});

test('every reason of a refused field is documented', () => {
  const fields = (reference?.text ?? '').slice((reference?.text ?? '').indexOf('## Fields'));
  const documented = new Set([...fields.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, reason = '']) => reason));
  const refused = sourceFiles(/^(services\/[^/]+|packages\/chassis)\/src\/.*\.ts$/).flatMap(({ text: code }) => [...code.matchAll(/\brefuse\((?:[^,()]|\([^()]*\))+, '([A-Z_]+)'/g)].map(([, reason = '']) => reason));
  expect(new Set(refused).size).toBeGreaterThan(10);
  expect([...new Set(refused)].filter((reason) => !documented.has(reason) && !(reason in RATING_REASONS)).toSorted()).toEqual([]);
});

test('every row says cause and remedy', () => {
  const thin = [...(reference?.text ?? '').matchAll(ROW)].filter(([, , , cause = '', remedy = '']) => cause.trim().length < 10 || remedy.trim().length < 10);
  expect(thin.map(([row]) => row)).toEqual([]);
});
