/** Versions of a price on a time line: what a new one ends, what it may not reach, and that no two ever overlap. */
import { instant, parseDecimal, resolvePriceVersion, RatingError, USUAL_TERMS, type Price } from '@valora/rating';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planPublication, type Publication } from '../src/publication.ts';
import { refusal } from './pricing-lab.ts';

const EMPTY: Price = { ...USUAL_TERMS, code: 'seat', displayName: 'Seat', meterCode: null, currencyCode: 'USD', versions: [], bounds: [] };
type Span = readonly [from: number, to: number | null];

function publicationOf([from, to]: Span): Publication {
  return { effectiveFrom: instant(BigInt(from)), effectiveTo: to === null ? null : instant(BigInt(to)) };
}

/** Publishes at the recorded time; refuses as planPublication does. */
function publish(price: Price, span: Span, recorded: number): Price {
  const publication = publicationOf(span);
  const { version, boundedVersion } = planPublication(price, publication);
  const recordedTime = instant(BigInt(recorded));
  const bound = boundedVersion === null ? [] : [{ version: boundedVersion, effectiveTo: publication.effectiveFrom, recordedTime }];
  const model = { kind: 'FLAT', amount: parseDecimal(String(version)) } as const;
  return { ...price, versions: [...price.versions, { version, ...publication, recordedTime, model }], bounds: [...price.bounds, ...bound] };
}

function versionAt(price: Price, moment: number, knownBefore = 1_000_000): number | null {
  try {
    return resolvePriceVersion(price, instant(BigInt(moment)), instant(BigInt(knownBefore))).version;
  } catch (error) {
    if (error instanceof RatingError) return null;
    throw error;
  }
}

test.each<[title: string, before: readonly Span[], next: Span, effect: { ends: number | null; gap: boolean }]>([
  ['the first ends nothing', [], [10, null], { ends: null, gap: false }],
  ['[10, ∞) then [20, ∞) ends the first', [[10, null]], [20, null], { ends: 1, gap: false }],
  ['[10, 20) then [20, ∞) ends nothing', [[10, 20]], [20, null], { ends: null, gap: false }],
  ['[10, 20) then [19, ∞) ends the first', [[10, 20]], [19, null], { ends: 1, gap: false }],
  ['[10, 20) then [5, 10) ends nothing', [[10, 20]], [5, 10], { ends: null, gap: false }],
  ['[10, ∞) then [20, 30) ends the first and leaves a gap', [[10, null]], [20, 30], { ends: 1, gap: true }],
  ['[10, 30) then [20, 30) ends the first without a gap', [[10, 30]], [20, 30], { ends: 1, gap: false }],
  ['[10, ∞), [30, ∞) then [20, 30) ends the first again, earlier', [[10, null], [30, null]], [20, 30], { ends: 1, gap: false }],
])('%s', (_title, before, next, { ends, gap }) => {
  const price = before.reduce((grown, span, position) => publish(grown, span, position + 1), EMPTY);
  expect(planPublication(price, publicationOf(next))).toEqual({ version: before.length + 1, boundedVersion: ends, leavesGap: gap });
});

test.each<[title: string, before: Span, next: Span]>([
  ['[20, ∞) stands against [10, ∞)', [20, null], [10, null]],
  ['[20, ∞) stands against [10, 21)', [20, null], [10, 21]],
  ['[20, 30) stands against [20, 25)', [20, 30], [20, 25]],
])('%s', async (_title, before, next) => {
  const price = publish(EMPTY, before, 1);
  const refused = await refusal(Promise.resolve().then(() => planPublication(price, publicationOf(next))));
  expect(refused).toMatchObject({ reason: 'PRICE_VERSION_OVERLAP', metadata: { version: '1' } });
});

test('whatever is published in whatever order, at most one version is in force at any instant by any knowledge, and the latest published wins', () => {
  const span = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.option(fc.integer({ min: 1, max: 20 }), { nil: null }))
    .map(([from, length]): Span => [from, length === null ? null : from + length]);
  fc.assert(fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
    let price = EMPTY;
    for (const [position, each] of spans.entries()) {
      try {
        price = publish(price, each, position);
      } catch {
        continue; // refused: it would reach a later version
      }
      expect(versionAt(price, each[0])).toBe(price.versions.length);
    }
    // resolvePriceVersion breaks off if two versions are in force at once.
    for (let moment = 0; moment <= 62; moment += 1) for (let known = 0; known <= spans.length; known += 1) versionAt(price, moment, known);
  }));
});
