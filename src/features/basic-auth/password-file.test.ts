import { redactBytes } from '../../lib/redacted-bytes.ts';
import { describe, expect, test } from 'vitest';
import { passwordFileOf, readCredentials, readPasswordFile } from './password-file.ts';

const HASH = '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=';
const basic = (text: string) => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`;

describe('an htpasswd file', () => {
  test('has users, comments and blank lines', () => {
    const { users, problems } = readPasswordFile(
      `# who\r\nann:${HASH}\r\n\nbob:${HASH}:a comment\nx y:${HASH}`,
    );
    expect([...users]).toEqual([
      ['ann', HASH],
      ['bob', HASH],
      ['x y', HASH],
    ]);
    expect(problems).toEqual([]);
  });

  test('of a user the first line counts, even where nobody comes in by it', () => {
    const { users, problems } = readPasswordFile(`ann:oops\nann:${HASH}\n`);
    expect([...users]).toEqual([['ann', undefined]]);
    expect(problems).toEqual([
      { line: 1, problem: 'is in no format that is known' },
      { line: 2, problem: 'is about a user that an earlier line has' },
    ]);
  });

  test('a line without user or colon is none', () => {
    expect(readPasswordFile(`ann\n:${HASH}\n`)).toEqual({
      users: new Map(),
      problems: [
        { line: 1, problem: 'has no user and colon in front of a hash' },
        { line: 2, problem: 'has no user and colon in front of a hash' },
      ],
    });
  });

  test('names of objects are users like others', () => {
    const { users } = readPasswordFile(`__proto__:${HASH}\n`);
    expect(users.get('__proto__')).toBe(HASH);
    expect(users.get('constructor')).toBeUndefined();
  });
});

test('a Secret whose keys are users is such a file; a second line of a value is nobody', () => {
  const data = new Map([
    ['bob', redactBytes(Buffer.from(`${HASH}\neve:{PLAIN}eve`))],
    ['ann', redactBytes(Buffer.from('{PLAIN}pä'))],
  ]);
  expect(passwordFileOf(data)).toBe(`ann:{PLAIN}p\xc3\xa4\nbob:${HASH}\n`);
});

describe('credentials', () => {
  test('are user and password, as bytes', () => {
    expect(readCredentials(basic('ann:se:c\xe4t'))).toEqual({ user: 'ann', password: 'se:c\xe4t' });
    expect(readCredentials(basic('ann:'))).toEqual({ user: 'ann', password: '' });
    expect(readCredentials(basic('ann:x').replace('Basic ', 'bAsIc   '))).toEqual({
      user: 'ann',
      password: 'x',
    });
    expect(readCredentials(basic('ann:xy').replace(/=+$/, ''))).toEqual({ user: 'ann', password: 'xy' });
  });

  const none: [name: string, header: string][] = [
    ['another scheme', 'Bearer abc'],
    ['no credentials', 'Basic '],
    ['no base64', 'Basic a:b'],
    ['two of them', `${basic('ann:x')}, ${basic('ann:y')}`],
    ['no colon', basic('ann')],
    ['no user', basic(':x')],
    ['a NUL', basic('ann:x\0y')],
    ['257 bytes', basic(`ann:${'x'.repeat(257)}`)],
  ];
  for (const [name, header] of none) {
    test(`are none: ${name}`, () => expect(readCredentials(header)).toBeUndefined());
  }
});
