// The manifests in infra/kubernetes, read as data, and what is wrong with them by the types of the Kubernetes API.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

export const kubernetesFolder = fileURLToPath(new URL('../../infra/kubernetes/', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));

export function manifestsIn(path: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document): Manifest => {
    if (document.errors.length > 0) throw new Error(`${path}: ${document.errors.map(String).join('; ')}`);
    return document.toJS() as Manifest;
  });
}

/** Everything that the base is made of, by its kustomization. */
export function baseManifests(): readonly Manifest[] {
  const folder = join(kubernetesFolder, 'base');
  const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
  const others = readdirSync(folder).filter((name) => name !== 'kustomization.yaml' && !resources.includes(name));
  if (others.length > 0) throw new Error(`the kustomization leaves out ${others.join(', ')}`);
  return resources.flatMap((name) => manifestsIn(join(folder, name)));
}

/**
 * What a compiler says of the manifests as values of the API's types, a field that does not exist among it: a line for each,
 * with the manifest's kind and name.
 */
export function typeProblems(manifests: readonly Manifest[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'valora-manifests-'));
  try {
    const names = manifests.map(({ apiVersion, kind, metadata }, position) => {
      const module = fileURLToPath(import.meta.resolve(`kubernetes-models/${apiVersion}/${kind}`));
      writeFileSync(join(folder, `m${position}.ts`), `import type { I${kind} } from ${JSON.stringify(module)};\nexport const manifest: I${kind} = ${JSON.stringify(manifests[position])};\n`);
      return `${kind} ${metadata.name}`;
    });
    const files = names.map((_, position) => `m${position}.ts`);
    const { stdout } = spawnSync(TSC, ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '', ...files], { cwd: folder, encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line.startsWith('m')).map((line) => line.replace(/^m([0-9]+)\.ts\([0-9,]+\): error TS[0-9]+: /, (_, position: string) => `${names[Number(position)]}: `));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
