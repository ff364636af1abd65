/** The boundaries between packages, and the proof that the check notices when they are crossed. */
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { boundaryViolations, importsOf, type Package, type Tag } from './boundaries.ts';
import { sourceFiles } from './tree.ts';

interface Manifest {
  readonly name: string;
  readonly valora?: { readonly tag?: Tag };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (text: string): Manifest => JSON.parse(text) as Manifest;

function readPackages(): Package[] {
  return sourceFiles(/^((packages|services)\/[^/]+|test)\/package\.json$/).map(({ path, text }) => {
    const manifest = manifestOf(text);
    const folder = dirname(path);
    return {
      name: manifest.name, folder, tag: manifest.valora?.tag,
      dependencies: Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }),
      files: sourceFiles(new RegExp(`^${folder}/.*\\.m?ts$`), { generated: true }).filter(({ path }) => !path.endsWith('tidy/boundaries.test.ts')), // holds imports as examples
    };
  });
}

function developmentTools(): string[] {
  const [manifest] = sourceFiles(/^package\.json$/);
  return Object.keys(manifestOf(manifest?.text ?? '{}').devDependencies ?? {});
}

test('every import stays within the boundaries', () => {
  expect(boundaryViolations(readPackages(), developmentTools())).toEqual([]);
});

test('all packages are seen, with their files', () => {
  const packages = readPackages();
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['@valora/rating', '@valora/chassis', '@valora/metering', '@valora/test']));
  for (const { folder, files } of packages) expect(files.length, folder).toBeGreaterThan(0);
});

test('imports of every form are found', () => {
  const text = `import a from 'one';\nimport { b,\n  c } from 'two';\nimport type { D } from 'three';\nexport * from "four";\nimport 'five';\nawait import('six');`;
  expect(importsOf({ path: 'x.ts', text })).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
});

test.each<{ title: string; tag: Tag | undefined; at?: string; imports: string; declared?: string[]; refused: string | undefined }>([
  { title: 'a service another service', tag: 'service', imports: '@valora/other', declared: ['@valora/other'], refused: '"service" must not reach "service".' },
  { title: "a service another's source by path", tag: 'service', imports: '../../other/src/x.ts', refused: 'a relative path must not leave the package.' },
  { title: "a service's test another service", tag: 'service', at: 'test/x.test.ts', imports: '@valora/other', declared: ['@valora/other'], refused: '"service" must not reach "service".' },
  { title: 'the chassis a service', tag: 'chassis', imports: '@valora/other', declared: ['@valora/other'], refused: '"chassis" must not reach "service".' },
  { title: 'the client the chassis', tag: 'client', imports: '@valora/chassis', declared: ['@valora/chassis'], refused: '"client" must not reach "chassis".' },
  { title: 'the core the file system', tag: 'core', imports: 'node:fs', refused: 'the core is pure and uses nothing of Node.' },
  { title: 'the core a fifth library', tag: 'core', imports: 'pg', declared: ['pg'], refused: 'the core uses only @noble/hashes, bignumber.js, canonicalize, temporal-polyfill.' },
  { title: 'anyone what is not declared', tag: 'service', imports: 'pg', refused: 'not declared in services/one/package.json.' },
  { title: 'shipped code a development tool', tag: 'service', imports: 'vitest', refused: 'not declared in services/one/package.json.' },
  { title: 'shipped code the testkit', tag: 'service', imports: '@valora/testkit', declared: ['@valora/testkit'], refused: '"service" must not reach "test".' },
  { title: 'a test the testkit', tag: 'service', at: 'test/x.test.ts', imports: '@valora/testkit', refused: undefined },
  { title: 'a test a development tool', tag: 'service', at: 'test/x.test.ts', imports: 'vitest', refused: undefined },
  { title: 'a service what it declares', tag: 'service', imports: 'pg/lib/client', declared: ['pg'], refused: undefined },
  { title: 'a tool a service', tag: 'tool', imports: '@valora/other', declared: ['@valora/other'], refused: undefined },
])('may $title import? $refused', ({ tag, at = 'src/x.ts', imports, declared = [], refused }) => {
  const path = `services/one/${at}`;
  const packages: Package[] = [
    { name: '@valora/one', folder: 'services/one', tag, dependencies: declared, files: [{ path, text: `import { x } from '${imports}';` }] },
    { name: '@valora/other', folder: 'services/other', tag: 'service', dependencies: [], files: [] },
    { name: '@valora/chassis', folder: 'packages/chassis', tag: 'chassis', dependencies: [], files: [] },
    { name: '@valora/testkit', folder: 'packages/testkit', tag: 'test', dependencies: [], files: [] },
  ];
  expect(boundaryViolations(packages, ['vitest'])).toEqual(refused === undefined ? [] : [`${path} imports ${imports}: ${refused}`]);
});

test('a package without a tag is refused', () => {
  expect(boundaryViolations([{ name: 'x', folder: 'packages/x', tag: undefined, dependencies: [], files: [] }], [])).toEqual(['packages/x/package.json has no "valora": { "tag": … }.']);
});
