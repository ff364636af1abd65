// `npm run reference`: puts the commands into docs/reference/cli.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { withReference } from './reference.ts';

const page = new URL('../../../docs/reference/cli.md', import.meta.url);
writeFileSync(page, withReference(readFileSync(page, 'utf8')));
