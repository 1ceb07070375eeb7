import { revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { readHash } from './hash-format.ts';

/** What is wrong with an entry, and which one it is; nothing of what is written there. */
export interface EntryProblem {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

export interface PasswordFile {
  /** Hash of each user, in bytes as latin1; undefined where it cannot be checked. The first line of a user counts. */
  readonly users: ReadonlyMap<string, string | undefined>;
  readonly problems: readonly EntryProblem[];
}

/** Reads an htpasswd file, as bytes in latin1: lines `user:hash[:comment]`, `#` in front of comments. Never throws. */
export function readPasswordFile(text: string): PasswordFile {
  const users = new Map<string, string | undefined>();
  const problems: EntryProblem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('\r')) continue;
    const colon = line.indexOf(':');
    if (colon <= 0) {
      problems.push({ line: index + 1, problem: 'has no user and colon in front of a hash' });
      continue;
    }
    const user = line.slice(0, colon);
    if (users.has(user)) {
      problems.push({ line: index + 1, problem: 'is about a user that an earlier line has' });
      continue;
    }
    const hash = /^[^:\r]*/.exec(line.slice(colon + 1))![0];
    const format = readHash(hash);
    users.set(user, format.ok ? hash : undefined);
    if (!format.ok) problems.push({ line: index + 1, problem: format.problem });
  }
  return { users, problems };
}

/** The htpasswd file of a Secret whose keys are the users; of a value its first line counts. */
export function passwordFileOf(data: ReadonlyMap<string, RedactedBytes>): string {
  return [...data]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([user, value]) => `${user}:${revealBytes(value).toString('latin1').split('\n', 1)[0]!}\n`)
    .join('');
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** As long as a password may be: what is longer is wrong, since hashes cost the more the longer it is. */
const PASSWORD_BYTES_MAX = 256;

/** User and password of an Authorization header, as bytes in latin1; undefined where there are none that could be right. */
export function readCredentials(authorization: string): Credentials | undefined {
  const base64 = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (base64 === undefined) return undefined;
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  if (colon <= 0 || text.includes('\0')) return undefined;
  const password = text.slice(colon + 1);
  return password.length > PASSWORD_BYTES_MAX ? undefined : { user: text.slice(0, colon), password };
}
