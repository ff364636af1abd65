/**
 * Which package may import which. Each package.json carries a tag; the table below says what a tag may reach. Nothing else enforces this: TypeScript doesn't notice
 * one service importing another's source. Checked on every import, so the rules hold for types too.
 */
import { dirname, join, normalize } from 'node:path';
import { isBuiltin } from 'node:module';
import type { SourceFile } from './tree.ts';

export type Tag = 'core' | 'contracts' | 'client' | 'chassis' | 'service' | 'tool' | 'test';

export interface Package {
  readonly name: string;
  /** From the root: `services/metering`. */
  readonly folder: string;
  readonly tag: Tag | undefined;
  /** What package.json declares. */
  readonly dependencies: readonly string[];
  readonly files: readonly SourceFile[];
}

const REACHES: Readonly<Record<Tag, readonly Tag[]>> = {
  core: [],
  contracts: [],
  client: ['contracts'],
  // Services call each other with what callers call them with.
  chassis: ['client', 'contracts', 'core'],
  service: ['chassis', 'contracts', 'core'],
  tool: ['service', 'chassis', 'client', 'contracts', 'core'],
  test: ['test', 'tool', 'service', 'chassis', 'client', 'contracts', 'core'],
};

/** All that the core may stand on. */
const CORE_LIBRARIES = ['@noble/hashes', 'bignumber.js', 'canonicalize', 'temporal-polyfill'];
/** Its tests may use it everywhere without declaring it: it depends on the chassis, and a declaration back would close a circle. */
const TESTKIT = '@valora/testkit';
const IMPORT = /\b(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]/gm;

/** What breaks the rules, one sentence each. `developmentTools` are the root's devDependencies, open to everything that isn't shipped. */
export function boundaryViolations(packages: readonly Package[], developmentTools: readonly string[]): string[] {
  const tags = new Map(packages.map(({ name, tag }) => [name, tag]));
  return packages.flatMap((importer) => {
    if (importer.tag === undefined) return [`${importer.folder}/package.json has no "valora": { "tag": … }.`];
    const reached = REACHES[importer.tag];
    return importer.files.flatMap((file) => importsOf(file).flatMap((specifier) => {
      const problem = (text: string): string[] => [`${file.path} imports ${specifier}: ${text}`];
      const shipped = importer.tag !== 'test' && file.path.startsWith(`${importer.folder}/src/`);
      if (specifier.startsWith('.')) {
        return normalize(join(dirname(file.path), specifier)).startsWith(`${importer.folder}/`) ? [] : problem('a relative path must not leave the package.');
      }
      const name = packageName(specifier);
      if (isBuiltin(specifier)) return shipped && importer.tag === 'core' ? problem('the core is pure and uses nothing of Node.') : [];
      if (shipped && importer.tag === 'core' && !CORE_LIBRARIES.includes(name)) return problem(`the core uses only ${CORE_LIBRARIES.join(', ')}.`);
      if (!shipped && (name === TESTKIT || developmentTools.includes(name))) return [];
      const tag = tags.get(name);
      if (tags.has(name) && name !== importer.name && (tag === undefined || !reached.includes(tag))) {
        return problem(`"${importer.tag}" must not reach "${tag ?? 'no tag'}".`);
      }
      return name === importer.name || importer.dependencies.includes(name) ? [] : problem(`not declared in ${importer.folder}/package.json.`);
    }));
  });
}

export function importsOf({ text }: SourceFile): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function packageName(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
