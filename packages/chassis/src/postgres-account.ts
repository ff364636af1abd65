/**
 * The account PostgreSQL runs under. It refuses root, so root starts it as another user, who must have a passwd entry (initdb looks it up) and must reach both the
 * programs and the data. Below a folder closed to that user, such as /root, the server keeps root's one ability to pass through folders (CAP_DAC_READ_SEARCH) and
 * nothing else of root's.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Set where the process is to change its user itself. */
  readonly account?: Account;
}

const PREFERRED_ACCOUNTS = ['postgres', 'nobody'];
const TRAVERSE_BY_OTHERS = 0o001;
const TRAVERSE_BY_OWNER = 0o100;

/** Undefined where this process may run PostgreSQL as itself; `ownedPath`, where it exists, says whose data is there already. */
export function serverAccount(ownedPath: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readAccounts();
  const owner = existsSync(ownedPath) ? statSync(ownedPath).uid : 0;
  const account = [...accounts.values()].find(({ uid }) => uid === owner)
    ?? PREFERRED_ACCOUNTS.map((name) => accounts.get(name)).find((found) => found !== undefined)
    ?? [...accounts.values()][0];
  if (account === undefined) throw new Error('PostgreSQL does not run as root, and /etc/passwd names no other user. Add one, or set DATABASE_URL.');
  return account;
}

/** The command as it has to be started so that it runs under the account and reaches all the paths. */
export function commandAs(account: Account | undefined, { program, args, paths }: { program: string; args: readonly string[]; paths: readonly string[] }): Command {
  if (account === undefined) return { program, args };
  const closed = paths.map((path) => closedFolderAbove(path, account)).find((folder) => folder !== undefined);
  if (closed === undefined) return { program, args, account };
  const passThrough = [
    `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups',
    '--securebits=+no_setuid_fixup', // else access(2), by which initdb looks for its programs, ignores capabilities
    '--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search', '--bounding-set=-all,+dac_read_search', '--',
  ];
  if (spawnSync('setpriv', [...passThrough, '/bin/sh', '-c', ':']).status !== 0) {
    throw new Error(`PostgreSQL does not run as root, and user ${account.uid} may not enter ${closed}. Work in another folder or as another user, or set DATABASE_URL.`);
  }
  return { program: 'setpriv', args: [...passThrough, program, ...args] };
}

function readAccounts(): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if (/^[1-9][0-9]*$/.test(uid) && /^[0-9]+$/.test(gid)) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

function closedFolderAbove(path: string, account: Account): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid } = statSync(folder);
    if ((mode & (uid === account.uid ? TRAVERSE_BY_OWNER : TRAVERSE_BY_OTHERS)) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
