// Closing a month: subscriptions with a fee and two metered lines, through the scheduler's own jobs from due cycles to numbered invoices, then verifying the invoices from
// their sources. Sizes are measured in turn, each time in an organization of its own, so that the cost of one invoice can be compared between them.
import { Job } from '@valora/contracts/valora/scheduler/v1/scheduler';
import { InvoiceServiceService } from '@valora/contracts/valora/invoicing/v1/invoice';
import type { BenchValora } from './bench-valora.ts';
import { makeBook, type Book } from './close-book.ts';
import { closeStepByStep } from './close-steps.ts';
import { atLeast, figureOf, ratio, rounded, type Figure, type Findings, type Round } from './report.ts';
import { sendAll, type Progress } from './rounds.ts';
import { runJobs } from './run-jobs.ts';

export const CLOSE_DEFAULTS = {
  /** Sizes, several to compare them. */
  subscriptions: [1_000] as readonly number[],
  eventsPerSubscription: 100,
  rounds: 3,
  /** At most so many invoices of each round are verified. */
  verified: 200,
  verifiedAtOnce: 8,
  /** Subscriptions of the organization that is closed rpc by rpc, to see where the time goes; it also warms up. */
  stepSubscriptions: 600,
  profile: '',
};

export type CloseSettings = typeof CLOSE_DEFAULTS;

const GOAL_INVOICES_PER_SECOND = 2_000;
const GOAL_VERIFIED_PER_SECOND = 1_667;
const GOAL_LINEAR = 0.8;
const PAGE_SIZE = 200;

interface Rounds {
  readonly closed: Round[];
  readonly issued: Round[];
  readonly whole: Round[];
  readonly verified: Round[];
  readonly floor: Round[];
}

export async function close(valora: BenchValora, settings: CloseSettings, progress: Progress): Promise<Findings> {
  progress(`closing ${settings.stepSubscriptions} subscriptions step by step`);
  const steps = await closeStepByStep(valora, await makeBook(valora, { ...settings, subscriptions: settings.stepSubscriptions, progress }));
  const bySize = new Map<number, Rounds>(settings.subscriptions.map((size) => [size, { closed: [], issued: [], whole: [], verified: [], floor: [] }]));
  for (let number = 1; number <= settings.rounds; number += 1) {
    for (const [size, rounds] of number % 2 === 1 ? bySize : [...bySize].toReversed()) {
      const book = await makeBook(valora, { ...settings, subscriptions: size, progress });
      await measure(valora, { book, rounds, settings });
      const rate = (name: keyof Rounds): number => Math.round(figureOf('', rounds[name].slice(-1)).median);
      progress(`round ${number} of ${settings.rounds}, ${size} subscriptions: ${rate('whole')} invoices/s closed and numbered, ${rate('verified')} invoices/s verified`);
    }
  }
  return findings(settings, bySize, steps);
}

async function measure(valora: BenchValora, { book, rounds, settings }: { readonly book: Book; readonly rounds: Rounds; readonly settings: CloseSettings }): Promise<void> {
  const closed = await runJobs(valora, Job.CLOSE_CYCLES, book.subscriptions);
  const issued = await runJobs(valora, Job.ISSUE_INVOICES, book.subscriptions);
  rounds.closed.push(closed);
  rounds.issued.push(issued);
  rounds.whole.push({ count: book.subscriptions, seconds: closed.seconds + issued.seconds });
  rounds.floor.push(await sumInSql(valora, book));
  rounds.verified.push(await verify(book, settings));
}

/** The floor: what PostgreSQL alone takes to add up the same events, as the owner, in one plain statement. */
async function sumInSql({ owner }: BenchValora, { organizationId, subscriptions }: Book): Promise<Round> {
  const startMs = performance.now();
  const { rows } = await owner.query<{ usages: string }>(
    `select count(*) as usages from (select customer_reference, meter_code, sum(value), count(*) from metering.usage_event where organization_id = $1 group by 1, 2) as usage`, [organizationId]);
  if (Number(rows[0]?.usages) !== subscriptions * 2) throw new Error('the usage of some subscriptions is missing');
  return { count: subscriptions, seconds: (performance.now() - startMs) / 1000 };
}

async function verify({ connection }: Book, { verified, verifiedAtOnce }: CloseSettings): Promise<Round> {
  const invoices = connection.stub(InvoiceServiceService);
  const invoiceIds: string[] = [];
  for (let pageToken = ''; invoiceIds.length < verified;) {
    const page = await invoices.listInvoices({ pageSize: PAGE_SIZE, pageToken, subscription: '' });
    invoiceIds.push(...page.invoices.map(({ invoiceId }) => invoiceId));
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  return await sendAll(invoiceIds.slice(0, verified), verifiedAtOnce, async (invoiceId) => {
    const { result } = await invoices.verifyInvoice({ document: { $case: 'invoiceId', value: invoiceId } });
    if (result?.$case !== 'match') throw new Error(`invoice ${invoiceId} does not verify`);
  });
}

function findings({ subscriptions, eventsPerSubscription }: CloseSettings, bySize: ReadonlyMap<number, Rounds>, steps: Readonly<Record<string, Figure>>): Findings {
  const figures = (name: keyof Rounds): Record<string, Figure> => Object.fromEntries([...bySize].map(([size, rounds]) => [size, figureOf('invoices/s', rounds[name])]));
  const whole = figures('whole'), verified = figures('verified'), floor = figures('floor');
  const smallest = String(Math.min(...subscriptions)), largest = String(Math.max(...subscriptions));
  const found = (by: Record<string, Figure>, size: string): Figure => by[size] ?? figureOf('invoices/s', []);
  const linear = ratio(found(whole, largest), found(whole, smallest));
  const labelled = (label: string, by: Record<string, Figure>) => Object.fromEntries(Object.entries(by).map(([size, figure]) => [`${label}, ${size} subscriptions`, figure]));
  return {
    results: {
      ...labelled('closed and numbered', whole), ...labelled('job close_cycles', figures('closed')), ...labelled('job issue_invoices', figures('issued')), ...labelled('verified', verified),
      ...Object.fromEntries(Object.entries(steps).map(([step, figure]) => [`step ${step}`, figure])),
    },
    floors: labelled('events added up in one statement', floor),
    ratios: {
      'closing to adding up in one statement': ratio(found(whole, largest), found(floor, largest)),
      'largest size to smallest': linear,
      'seconds for 100,000 invoices, at the largest size': rounded(100_000 / found(whole, largest).median),
    },
    goals: [
      atLeast('invoices closed and numbered each second, at the largest size', GOAL_INVOICES_PER_SECOND, found(whole, largest).median),
      atLeast('invoices verified each second, at the largest size', GOAL_VERIFIED_PER_SECOND, found(verified, largest).median),
      ...(smallest === largest ? [] : [atLeast('largest size to smallest: 1 is linear', GOAL_LINEAR, linear)]),
    ],
    notes: [
      `Each subscription: a fee and two lines of 4 graduated tiers over ${eventsPerSubscription} events. Events come through RecordUsage in the order of their time, so those of one customer lie scattered, as they do for real.`,
      'One subscription comes through the API; the others are copies of its rows, by SQL. Cycles are opened before the clock runs.',
      'One scheduler, one worker. Steps are in calls of 200 cycles, in the order of the close; "compose and store" is the rest of RunBillingCycles.',
    ],
  };
}
