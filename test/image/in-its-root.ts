import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSelfSigned } from '../../src/lib/self-signed.ts';
import { startFakeApi } from '../fakes/api-server.ts';
import { makeCertificate } from '../fixtures/certificates.ts';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';

/*
 * Runs the image's root file system as a kubelet would, in the network and mount namespace this process has: read-only, as user 101, with
 * ingress-nginx's arguments, environment, probes and volumes. Prints what it saw as JSON. Arguments: the root, a folder to work in.
 */

const [root, work] = process.argv.slice(2) as [string, string];
const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });

run('ip', 'link', 'set', 'lo', 'up');

const leaf = makeCertificate(['127.0.0.1']);
const api = await startFakeApi({
  token: 'of-the-pod',
  tls: { key: leaf.key, cert: leaf.certificate, ca: leaf.certificate },
});
const backend = createServer((_, response) => response.end('served')).listen(0, '127.0.0.1');
await once(backend, 'listening');
const ingressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'nginx' },
  spec: { controller: 'k8s.io/ingress-nginx' },
};
const ingress = ingressOf('web', 'a.test', '/') as { spec: object };
api.apply([
  { ...ingress, spec: { ...ingress.spec, ingressClassName: 'nginx' } },
  ...webObjects((backend.address() as AddressInfo).port),
  ingressClass,
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ingress-nginx', name: 'controller', labels: { app: 'x' } },
    spec: { nodeName: 'one' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'one' },
    status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] },
  },
] as never);

/** A volume as the kubelet mounts it; the runtime makes its mount point. */
function volume(at: string, files: Readonly<Record<string, string>>): void {
  const from = join(work, at.replaceAll('/', '_'));
  mkdirSync(from, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(from, name), text, { mode: 0o644 });
  mkdirSync(join(root, at), { recursive: true });
  run('mount', '--bind', '-o', 'ro', from, join(root, at));
}
const webhook = createSelfSigned(['webhook.test'], Date.now());
run('mount', '--bind', root, root);
volume('usr/local/certificates', { cert: webhook.certificate, key: webhook.key });
volume('var/run/secrets/kubernetes.io/serviceaccount', {
  token: 'of-the-pod',
  'ca.crt': leaf.certificate,
  namespace: 'ingress-nginx',
});
run('mount', '-t', 'tmpfs', 'tmpfs', join(root, 'tmp'), '-o', 'mode=1777');
run('mount', '--rbind', '/dev', join(root, 'dev'));
run('mount', '-o', 'remount,bind,ro', root);

const url = new URL(api.url);
const container = spawn(
  'setpriv',
  [
    // What it takes to go into the root and to leave root is gone with the user; Serin's own is the one capability.
    ...['--bounding-set', '-all,+net_bind_service,+sys_admin,+sys_chroot,+setuid,+setgid', '--'],
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc=/proc', '--root', root, '--wd', '/serin'],
    ...['--setgid', '82', '--setuid', '101', '--', '/usr/bin/dumb-init', '--', '/nginx-ingress-controller'],
    '--election-id=ingress-nginx-leader',
    '--controller-class=k8s.io/ingress-nginx',
    '--ingress-class=nginx',
    '--configmap=ingress-nginx/ingress-nginx-controller',
    '--validating-webhook=:8443',
    '--validating-webhook-certificate=/usr/local/certificates/cert',
    '--validating-webhook-key=/usr/local/certificates/key',
    '--publish-status-address=192.0.2.1',
    '--shutdown-grace-period=0',
    '--post-shutdown-grace-period=0',
  ],
  {
    env: {
      PATH: '/usr/bin:/usr/sbin',
      POD_NAME: 'controller',
      POD_NAMESPACE: 'ingress-nginx',
      LD_PRELOAD: '/usr/local/lib/libmimalloc.so',
      KUBERNETES_SERVICE_HOST: url.hostname,
      KUBERNETES_SERVICE_PORT: url.port,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  },
);
const ended = once(container, 'exit') as Promise<[number | null]>;
let log = '';
for (const stream of [container.stdout, container.stderr])
  stream.on('data', (chunk: Buffer) => (log += String(chunk)));

interface Asked {
  readonly port: number;
  readonly path: string;
  readonly isTls?: boolean;
  readonly body?: string;
}

async function ask({ port, path, isTls = false, body }: Asked): Promise<string> {
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { host: 'a.test', 'content-type': 'application/json' },
    rejectUnauthorized: false,
    agent: false as const,
  };
  const sent = isTls ? secureRequest(options) : request(options);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return `${response.statusCode} ${text}`;
}

async function untilReady(): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && container.exitCode === null) {
    const answer = await ask({ port: 10_254, path: '/readyz' }).catch(() => '');
    if (answer.startsWith('200')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it was not ready:\n${log}`);
}

/** Process ids as this process sees them, by what they run. */
function pidOf(program: string): number {
  const found = run('pgrep', '-f', program).trim().split('\n');
  return Number(found[0]);
}

try {
  await untilReady();
  const review = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      namespace: 'a',
      name: 'bad',
      kind: { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' },
      operation: 'CREATE',
      object: {
        ...ingressOf('bad', 'b.test', '/', { 'upstream-vhost': 'a;b' }),
        spec: { ingressClassName: 'nginx', rules: [{ host: 'b.test' }] },
      },
    },
  });
  const node = pidOf('^node --max-semi-space-size=4 /serin/dist/main.js controller');
  const init = pidOf('^/usr/bin/dumb-init -- /nginx-ingress-controller');
  const inside = [
    '--target',
    String(init),
    '--pid',
    '--mount',
    '--root',
    '--setuid',
    '101',
    '--setgid',
    '82',
    '--',
  ];
  const status = readFileSync(`/proc/${node}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const seen = {
    live: (await ask({ port: 10_254, path: '/livez' })).slice(0, 3),
    healthz: (await ask({ port: 10_254, path: '/healthz' })).slice(0, 3),
    http: await ask({ port: 80, path: '/' }),
    https: await ask({ port: 443, path: '/', isTls: true }),
    review: await ask({ port: 8443, path: '/networking/v1/ingresses', isTls: true, body: review }),
    uid: field('Uid'),
    gid: field('Gid'),
    capabilities: [field('CapPrm'), field('CapEff')],
    written: run(
      'nsenter',
      ...inside,
      '/bin/sh',
      '-c',
      'touch /serin/x /x 2>/dev/null; ls /serin/x /x 2>/dev/null; touch /tmp/x && ls /tmp/x; id -u',
    ).split('\n'),
  };
  // Beside it, the API server is asked to take the status back.
  // It ends with the container, whose first process has waited for the controller.
  await promisify(execFile)('nsenter', [...inside, '/wait-shutdown'], { timeout: 30_000 }).catch(() => {});
  const [code] = await ended;
  process.stdout.write(JSON.stringify({ ...seen, code }));
} finally {
  container.kill('SIGKILL');
  await api.stop();
  backend.close();
  process.stderr.write(log);
}
process.exit(0);
