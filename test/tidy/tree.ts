/** The repository's own files as the house rules see them: without what is installed, built or generated. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

export const root = fileURLToPath(new URL('../..', import.meta.url));

const NOT_OURS = new Set(['node_modules', 'dist', 'generated', 'coverage', 'data', '.git', '.nx', '.valora', '.mutation']);
const GENERATED_CONTRACTS = 'packages/contracts/src/gen';
const TEXT = /(\.(ts|mts|js|mjs|sql|sh|proto|prisma|json|md|yaml|yml)|\/run|LICENSE)$/;

const allFiles = filesBelow(root);

/** Files whose path matches, with their text. Generated contracts are left out unless asked for. */
export function sourceFiles(pattern: RegExp, { generated = false }: { generated?: boolean } = {}): SourceFile[] {
  return allFiles
    .filter((path) => pattern.test(path) && (generated || !path.startsWith(GENERATED_CONTRACTS)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Every place where the pattern occurs, as `path:line: text`. */
export function occurrences(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) => text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])));
}

/** TypeScript without comments and without what stands in quotes; lines keep their numbers. Templates keep their expressions' text. */
export function withoutCommentsAndStrings({ path, text }: SourceFile): SourceFile {
  const blank = (found: string): string => found.replace(/[^\n]/g, ' ');
  return { path, text: text.replace(/\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/[^\n]*/g, blank) };
}

/** SQL or protobuf without comments. */
export function withoutComments({ path, text }: SourceFile): SourceFile {
  return { path, text: text.replace(/\/\*[\s\S]*?\*\//g, (found) => found.replace(/[^\n]/g, ' ')).replace(/(--|\/\/)[^\n]*/g, '') };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path);
    const fromRoot = relative(root, path).replaceAll('\\', '/');
    return entry.isFile() && TEXT.test(fromRoot) ? [fromRoot] : [];
  }).sort();
}
