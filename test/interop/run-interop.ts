// `npm run interop -- python|go|java|all`: the examples in other languages, with stubs made from proto/, against a real Valora.
// Each must print what was worked out by hand in expected.txt, and all the same digests: the same facts, the same bytes. Between
// them stands a door that turns the first call of each rpc away, so that they get nowhere without the shipped retry config, and
// that breaks streams of usage in the middle.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import { languages, type Language } from './languages.ts';
import { interopFolder, root } from './paths.ts';
import { openTurnstile } from './turnstile.ts';
import { startValoraProcess, type ValoraProcess } from './valora-process.ts';

const RETRY_CONFIG = join(root, 'packages/client/retry-service-config.json');
const DIGEST = /\b[0-9a-f]{64}\b/g;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(wanted: string | undefined): Promise<void> {
  const chosen = Object.entries(languages).filter(([name]) => wanted === 'all' || wanted === name);
  if (chosen.length === 0) throw new Error(`Say which: npm run interop -- ${[...Object.keys(languages), 'all'].join('|')}.`);
  for (const [name, { needs, isThere }] of chosen) {
    if (!await isThere()) throw new Error(`The ${name} example needs ${needs}.`);
  }
  const examples = [];
  for (const [name, language] of chosen) {
    print(`${name}: installing what is pinned, generating stubs from proto/ …`);
    examples.push({ name, command: await language.prepare() });
  }
  const valora = await startValoraProcess();
  try {
    const digests = new Set<string>();
    for (const example of examples) digests.add(await check(example, valora));
    if (digests.size > 1) throw new Error(`The same facts gave different digests:\n${[...digests].join('\n')}`);
  } finally {
    await valora.stop();
  }
}

/** Runs an example, compares what it prints with what is expected, and answers the digests it saw. */
async function check({ name, command }: { name: string; command: Awaited<ReturnType<Language['prepare']>> }, { address, operatorCredential }: ValoraProcess): Promise<string> {
  const turnstile = await openTurnstile(address);
  const environment = { ...command.environment, VALORA_ADDRESS: turnstile.address, VALORA_OPERATOR_CREDENTIAL: operatorCredential, VALORA_RETRY_CONFIG: RETRY_CONFIG };
  const printed = await run({ ...command, environment }).finally(turnstile.close);
  const expected = readFileSync(join(interopFolder, 'expected.txt'), 'utf8').replaceAll(/^#.*\n/gm, '');
  if (printed.replaceAll(DIGEST, '<digest>') !== expected) throw new Error(`The ${name} example printed:\n${printed}\nExpected was:\n${expected}`);
  const unretried = [...turnstile.turnedAwayPaths].filter((path) => !turnstile.retriedPaths.has(path));
  if (unretried.length > 0) throw new Error(`The ${name} example did not retry ${unretried.join(', ')}.`);
  const [fault] = turnstile.usageStreamFaults();
  if (fault !== undefined) throw new Error(`The ${name} example ${fault}.`);
  print(`${printed}${name}: as expected, ${turnstile.retriedPaths.size} rpcs retried once, and usage streamed on after two cuts`);
  return (printed.match(DIGEST) ?? []).join(' ');
}

try {
  await main(process.argv[2]);
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
