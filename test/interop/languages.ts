// What each language needs, how its stubs are made from proto/, and how its example is run. Compilers and libraries are pinned
// with their hashes by the language's own means; what they make is not committed.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, versionOf, type Command } from './command.ts';
import { interopFolder, root } from './paths.ts';

export interface Language {
  /** What must be on the machine, in words, and whether it is. */
  readonly needs: string;
  isThere(): Promise<boolean>;
  /** Installs what is pinned, generates the stubs and compiles; answers how to run the example. */
  prepare(): Promise<Command>;
}

const protoFolder = join(root, 'proto');
const PYTHON_MIN = [3, 10];
const GO_MIN = [1, 26];
const JAVA_MIN = [17, 0];
const MAVEN_MIN = [3, 8];

export const languages: Readonly<Record<string, Language>> = {
  python: {
    needs: `Python ${PYTHON_MIN.join('.')} or newer with venv as \`python3\`, and a way to PyPI`,
    isThere: async () => atLeast(await versionOf('python3', ['-c', 'import sys, venv, ensurepip; print(sys.version)'], /^([0-9.]+)/), PYTHON_MIN),
    prepare: preparePython,
  },
  go: {
    needs: `Go ${GO_MIN.join('.')} or newer, and a way to a Go module proxy`,
    isThere: async () => atLeast(await versionOf('go', ['version'], /go([0-9.]+)/), GO_MIN),
    prepare: prepareGo,
  },
  java: {
    needs: `a JDK ${JAVA_MIN[0]} or newer as \`javac\` and \`java\`, Maven ${MAVEN_MIN.join('.')} or newer as \`mvn\`, and a way to Maven Central`,
    isThere: async () => atLeast(await versionOf('javac', ['--version'], /javac ([0-9.]+)/), JAVA_MIN) && atLeast(await versionOf('mvn', ['--batch-mode', '--version'], /Apache Maven ([0-9.]+)/), MAVEN_MIN),
    prepare: prepareJava,
  },
};

function atLeast(version: readonly number[] | null, [major = 0, minor = 0]: readonly number[]): boolean {
  if (version === null) return false;
  const [is = 0, isMinor = 0] = version;
  return is > major || (is === major && isMinor >= minor);
}

/** Only `valora/`: the messages of google.rpc come with each language's gRPC libraries, and two copies of one file can't be loaded together. */
function protoFiles(): string[] {
  return readdirSync(join(protoFolder, 'valora'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.proto')).map((path) => join('valora', path)).toSorted();
}

async function preparePython(): Promise<Command> {
  const folder = join(interopFolder, 'python');
  const venv = join(folder, 'generated', 'venv');
  const stubs = join(folder, 'generated', 'stubs');
  const python = join(venv, 'bin', 'python');
  const requirements = readFileSync(join(folder, 'requirements.txt'), 'utf8');
  const installed = join(venv, 'installed-requirements.txt');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== requirements) {
    rmSync(venv, { recursive: true, force: true });
    await run({ program: 'python3', arguments: ['-m', 'venv', venv], folder });
    await run({ program: python, arguments: ['-m', 'pip', 'install', '--require-hashes', '--only-binary', ':all:', '-r', 'requirements.txt'], folder });
    writeFileSync(installed, requirements);
  }
  rmSync(stubs, { recursive: true, force: true });
  mkdirSync(stubs, { recursive: true });
  await run({ program: python, arguments: ['-m', 'grpc_tools.protoc', '-I', protoFolder, `--python_out=${stubs}`, `--pyi_out=${stubs}`, `--grpc_python_out=${stubs}`, ...protoFiles()], folder: protoFolder });
  return { program: python, arguments: ['bill_two_months.py'], folder, environment: { PYTHONPATH: stubs, PYTHONDONTWRITEBYTECODE: '1' } };
}

/** buf writes the import paths of the generated packages, which the contracts leave open, from `buf.gen.yaml`. */
async function prepareGo(): Promise<Command> {
  const folder = join(interopFolder, 'go');
  rmSync(join(folder, 'generated'), { recursive: true, force: true });
  await run({ program: 'buf', arguments: ['generate', protoFolder, '--template', 'buf.gen.yaml', '--path', join(protoFolder, 'valora')], folder });
  const example = join(folder, 'generated', 'bill-two-months');
  await run({ program: 'go', arguments: ['vet', './...'], folder });
  await run({ program: 'go', arguments: ['build', '-mod=readonly', '-o', example, '.'], folder });
  return { program: example, arguments: [], folder };
}

/** Maven loads what pom.xml names and refuses it where its checksum differs. */
async function prepareJava(): Promise<Command> {
  const folder = join(interopFolder, 'java');
  rmSync(join(folder, 'generated'), { recursive: true, force: true });
  const build = ['--batch-mode', '--quiet', '--strict-checksums', 'compile', 'dependency:build-classpath', '-Dmdep.includeScope=runtime', '-Dmdep.outputFile=generated/classpath'];
  await run({ program: 'mvn', arguments: build, folder });
  const libraries = readFileSync(join(folder, 'generated', 'classpath'), 'utf8').trim();
  return { program: 'java', arguments: ['-cp', [join(folder, 'generated', 'classes'), libraries].join(delimiter), 'billing.BillTwoMonths'], folder };
}
