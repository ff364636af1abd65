// The reference says of a separate service's variables and ports what the code says.
import { readFileSync } from 'node:fs';
import { serviceNames, servicePorts, serviceVariables } from '@valora/chassis';
import { expect, test } from 'vitest';

const reference = readFileSync(new URL('../../docs/reference/deployment.md', import.meta.url), 'utf8');

test('every variable of a separate service has its row, and every row its variable', () => {
  const rows = reference.split('\n').filter((line) => /^\| `(VALORA_[A-Z_]+|DATABASE_URL)` \| (?:all|[a-z, ]+) \|/.test(line));
  expect(rows).toEqual(serviceVariables.map(({ name, services, defaultFor, meaning }) => {
    const defaults = [...new Set(services.map(defaultFor))];
    const shown = defaults.length > 1 ? 'see above' : defaults[0] === null ? 'none: must be given' : defaults[0] === '' ? '' : `\`${defaults[0]}\``;
    return `| \`${name}\` | ${services.length === serviceNames.length ? 'all' : services.join(', ')} | ${shown} | ${meaning} |`;
  }));
});

test('every port stands there', () => {
  for (const service of serviceNames) {
    const { rpc, health, metrics } = servicePorts[service];
    expect(reference).toContain(`| ${service} | ${rpc} | ${health} | ${metrics} |`);
  }
});
