import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request as plainRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createSecureServer, request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeCertificate } from '../fixtures/certificates.ts';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * ingress-nginx's contract from outside: Ingresses in, requests and answers over real sockets. One case is one host; what the backend
 * `web` is sent is its answer.
 */

interface Ask {
  readonly path?: string;
  /** In place of the case's own host; `$` is that. */
  readonly host?: string;
  readonly method?: string;
  readonly isTls?: boolean;
  readonly from?: string;
}

interface Case {
  readonly name: string;
  /** One Ingress for each, the first the oldest. */
  readonly ingresses: readonly {
    readonly path?: string;
    readonly service?: string;
    readonly annotations: Record<string, string>;
  }[];
  readonly objects?: readonly object[];
  readonly asks: readonly (readonly [Ask, number, Record<string, string | undefined>?])[];
}

/** Answers 401. */
const AUTH_URL = 'http://127.0.0.1:$port/';

const backendCertificate = makeCertificate(['backend.test']);
const verified = (name: string) => ({
  'backend-protocol': 'HTTPS',
  'proxy-ssl-secret': 'a/backend-ca',
  'proxy-ssl-verify': 'on',
  'proxy-ssl-name': name,
});

const CASES: readonly Case[] = [
  {
    name: 'proxy-ssl-* of the oldest Ingress with a CA count for all paths of the host without their own',
    ingresses: [
      { path: '/before', service: 'secure', annotations: { 'backend-protocol': 'HTTPS' } },
      { path: '/wrong', service: 'secure', annotations: verified('other.test') },
      { path: '/right', service: 'secure', annotations: verified('backend.test') },
      { path: '/plain', annotations: {} },
    ],
    objects: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: 'a', name: 'backend-ca' },
        data: { 'ca.crt': Buffer.from(backendCertificate.certificate).toString('base64') },
      },
    ],
    asks: [
      [{ path: '/wrong' }, 502],
      [{ path: '/before' }, 502],
      [{ path: '/right' }, 200],
      [{ path: '/plain' }, 200],
    ],
  },
  {
    name: 'an unmatched path goes through the checks of the Ingress that made the host',
    ingresses: [{ path: '/x', annotations: { 'whitelist-source-range': '192.0.2.1' } }],
    asks: [
      [{ path: '/x' }, 403],
      [{ path: '/else' }, 403],
    ],
  },
  {
    name: 'an unmatched path asks for users',
    ingresses: [{ path: '/x', annotations: { 'auth-type': 'basic', 'auth-secret': 'users' } }],
    objects: [
      { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', name: 'users' }, data: { auth: '' } },
    ],
    asks: [[{ path: '/else' }, 401, { 'www-authenticate': 'Basic realm=""' }]],
  },
  {
    name: 'an unmatched path asks the authentication server',
    ingresses: [{ path: '/x', annotations: { 'auth-url': AUTH_URL } }],
    asks: [[{ path: '/else' }, 401]],
  },
  {
    name: 'an unmatched path is limited',
    ingresses: [{ path: '/x', annotations: { 'limit-rpm': '1', 'limit-burst-multiplier': '1' } }],
    asks: [
      [{ path: '/else' }, 404],
      [{ path: '/else' }, 404],
      [{ path: '/else' }, 503],
    ],
  },
  {
    name: 'a redirect to where one signs in has no Strict-Transport-Security',
    ingresses: [{ annotations: { 'auth-url': AUTH_URL, 'auth-signin': 'https://login.test/' } }],
    asks: [[{ isTls: true }, 302, { 'strict-transport-security': undefined }]],
  },
  {
    name: 'an empty permanent-redirect makes from-to-www-redirect void',
    ingresses: [{ annotations: { 'permanent-redirect': '', 'from-to-www-redirect': 'true' } }],
    asks: [
      [{}, 200],
      [{ host: 'www.$' }, 404],
    ],
  },
  {
    name: 'a temporal-redirect that does not begin with http makes the others of its group void',
    ingresses: [
      {
        path: '/x/',
        annotations: {
          'temporal-redirect': '/y',
          'from-to-www-redirect': 'true',
          'relative-redirects': 'true',
        },
      },
    ],
    asks: [
      [{ path: '/x' }, 301, { location: 'http://$/x/' }],
      [{ host: 'www.$' }, 404],
    ],
  },
  {
    name: 'an alias with capitals is the name without',
    ingresses: [{ annotations: { 'server-alias': 'Alias.Capital.TEST, *.Wild.Capital.TEST' } }],
    asks: [
      [{ host: 'alias.capital.test' }, 200],
      [{ host: 'x.wild.capital.test' }, 200],
    ],
  },
  {
    name: 'cors-expose-headers takes * as an item',
    ingresses: [{ annotations: { 'enable-cors': 'true', 'cors-expose-headers': 'X-A, *' } }],
    asks: [[{}, 200, { 'access-control-expose-headers': 'X-A, *' }]],
  },
  {
    name: 'custom-http-errors that are parted by blanks refuse the Ingress',
    ingresses: [{ annotations: { 'custom-http-errors': '404 503' } }],
    asks: [[{}, 404]],
  },
  ...[
    ['http2-push-preload', 'maybe'],
    ['fastcgi-index', 'index;php'],
    ['fastcgi-params-configmap', 'a;b'],
  ].map(([annotation, value]) => ({
    name: `a bad ${annotation} refuses the Ingress, though a good one does nothing`,
    ingresses: [{ annotations: { [annotation!]: value! } }],
    asks: [[{}, 404]] as const,
  })),
];

const folder = mkdtempSync(join(tmpdir(), 'serin-parity-'));
const servers: Server[] = [];
let serin: SerinProcess;

async function backend(
  status: number,
  tls?: { readonly key: string; readonly cert: string },
): Promise<number> {
  const answer: RequestListener = (request, response) => {
    const lines = [`${request.method} ${request.url}`];
    for (const [name, value] of Object.entries(request.headers)) lines.push(`${name}: ${String(value)}`);
    response.writeHead(status).end(lines.join('\n'));
  };
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(host: string, { path = '/', method = 'GET', isTls = false, from }: Ask) {
  const send = isTls ? secureRequest : plainRequest;
  const sent = send({
    host: '127.0.0.1',
    port: isTls ? serin.httpsPort : serin.httpPort,
    localAddress: from,
    path,
    method,
    headers: { host },
    agent: false,
    ...(isTls ? { servername: host, rejectUnauthorized: false } : {}),
  }).end();
  const [message] = (await once(sent, 'response')) as [IncomingMessage];
  message.resume();
  await once(message, 'end');
  return { status: message.statusCode, headers: message.headers };
}

beforeAll(async () => {
  const authPort = await backend(401);
  const objects: object[] = [
    ...serviceObjects('web', await backend(200)),
    ...serviceObjects(
      'secure',
      await backend(200, { key: backendCertificate.key, cert: backendCertificate.certificate }),
    ),
  ];
  for (const [number, { ingresses, objects: more = [] }] of CASES.entries()) {
    for (const [age, { path = '/', service, annotations }] of ingresses.entries()) {
      const object = ingressOf(
        `case-${number}-${age}`,
        `case-${number}.test`,
        path,
        annotations,
        service,
      ) as { metadata: object };
      Object.assign(object.metadata, { creationTimestamp: new Date(age * 1_000).toISOString() });
      objects.push(object);
    }
    objects.push(...more);
  }
  writeFileSync(
    join(folder, 'objects.yaml'),
    objects
      .map((object) => stringify(object))
      .join('---\n')
      .replaceAll('$port', String(authPort)),
  );
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

for (const [number, { name, asks }] of CASES.entries()) {
  test(name, async () => {
    const own = `case-${number}.test`;
    for (const [how, status, headers = {}] of asks) {
      const answer = await ask(how.host?.replace('$', own) ?? own, how);
      expect(answer.status, JSON.stringify(how)).toBe(status);
      for (const [header, value] of Object.entries(headers)) {
        expect(answer.headers[header], header).toBe(value?.replace('$', own));
      }
    }
  });
}
