import { expect, test } from 'vitest';
import { saidPortOf, seenPortOf, seenSchemeOf } from './seen-origin.ts';

type Info = Parameters<typeof seenPortOf>[0];

const HTTP: Info = { listener: 'http', scheme: 'http', localPort: 8080, proxiedPort: undefined };
const HTTPS: Info = { listener: 'https', scheme: 'https', localPort: 8443, proxiedPort: undefined };

const cases: readonly (readonly [
  name: string,
  info: Info,
  told: { proto?: string; port?: string },
  isForwardedTrusted: boolean,
  scheme: string,
  said: string,
  port: string,
])[] = [
  ['http', HTTP, {}, false, 'http', '8080', '8080'],
  ['https on a mapped port', HTTPS, {}, false, 'https', '8443', '443'],
  ['not believed', HTTP, { proto: 'https', port: '1' }, false, 'http', '8080', '8080'],
  ['believed', HTTP, { proto: 'https', port: '444' }, true, 'https', '444', '444'],
  ['believed, without a port', HTTP, { proto: 'https' }, true, 'https', '8080', '8080'],
  [
    'taken as it stands',
    HTTP,
    { proto: 'https,http', port: '443, 80' },
    true,
    'https,http',
    '443, 80',
    '443, 80',
  ],
  ['empty', HTTP, { proto: '', port: '' }, true, '', '8080', '8080'],
  ['PROXY header for port 80', { ...HTTP, proxiedPort: 80 }, {}, false, 'http', '80', '80'],
  ['PROXY header for port 443', { ...HTTP, proxiedPort: 443 }, {}, false, 'https', '443', '443'],
  [
    '443 wins over X-Forwarded-Proto',
    { ...HTTP, proxiedPort: 443 },
    { proto: 'http' },
    true,
    'https',
    '443',
    '443',
  ],
  ['80 does not', { ...HTTP, proxiedPort: 80 }, { proto: 'https' }, true, 'https', '80', '80'],
  ['X-Forwarded-Port wins over it', { ...HTTP, proxiedPort: 443 }, { port: '80' }, true, 'https', '80', '80'],
  ['the https port of the flags is 443', { ...HTTPS, proxiedPort: 9443 }, {}, false, 'https', '9443', '443'],
];

for (const [name, info, { proto, port }, isForwardedTrusted, scheme, said, seen] of cases) {
  test(name, () => {
    const settings = { isForwardedTrusted, httpsPort: 9443 };
    expect(seenSchemeOf(info, proto, settings)).toBe(scheme);
    expect(saidPortOf(info, port, settings)).toBe(said);
    expect(seenPortOf(info, port, settings)).toBe(seen);
  });
}
