// The session of the README and of the command line's document, with the files that it shows: a reader who repeats it must get the usage onto the invoice.
import { readFileSync } from 'node:fs';
import { startTestValora, type TestValora } from '@valora/testkit/valora';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCommandLine } from './command-run.ts';

const [reference, readme] = ['../../docs/reference/cli.md', '../../README.md'].map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'));

let valora: TestValora;
beforeAll(async () => { valora = await startTestValora(); });
afterAll(() => valora.stop());

/** The first block of this kind behind a heading. */
function block(text: string | undefined, kind: string, heading: string): string {
  return new RegExp(`${heading}\\n[^]*?\`\`\`${kind}\\n([^]*?)\`\`\``).exec(text ?? '')?.[1] ?? '';
}

/** The commands of a session, without those that start something or set the environment. */
function session(text: string): string[][] {
  return text.split('\n').map((line) => line.replace(/#.*/, '').replace('npx ', '').trim().split(/\s+/))
    .filter(([word, command]) => word === 'valora' && command !== 'up').map(([, ...words]) => words);
}

test('the session of the README is that of docs/reference/cli.md, and bills its usage', async () => {
  const shown = session(block(reference, 'sh', '# The command line'));
  expect(session(block(readme, 'sh', '## Running it'))).toEqual(shown);
  const [create, ...rest] = shown;
  const operator = createCommandLine({ VALORA_ADDRESS: valora.address });
  operator.file('operator-credential', valora.secrets.operatorCredential);
  const { apiKey } = JSON.parse(await operator.json(create ?? [])) as { apiKey: string };
  operator.remove();
  const line = createCommandLine({ VALORA_ADDRESS: valora.address, VALORA_API_KEY: apiKey });
  line.file('catalog.json', block(reference, 'json', '## The catalog file'));
  line.file('usage.csv', block(reference, 'csv', '## Usage files'));
  const printed = [];
  for (const words of rest) {
    const { code, stdout, stderr } = await line.run(words);
    expect([code, code === 0 ? '' : stderr], words.join(' ')).toEqual([0, '']);
    printed.push(stdout);
  }
  line.remove();
  expect(printed.join('')).toContain('quantity 150 from 3 events of requests');
  expect(printed.join('')).toContain('32.50 USD');
  expect(printed.at(-1)).toContain('1 match, 0 differ');
}, 120_000);
