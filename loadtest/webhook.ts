/*
 * How long reviews of the admission webhook take, by the number of Ingresses: with nothing changing, and with a change of another Ingress
 * right before each.
 *   node loadtest/webhook.ts [--sizes 100,1000,5000,10000] [--reviews 500] [--shared 1]
 * `--shared` Ingresses are on one host each time. Prints one line of JSON for each size: what the review itself takes, in this process, and
 * what the API server would wait for, over TLS, of a whole controller that follows an API server in memory.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { createRelatedIngresses } from '../src/controller/admission/related.ts';
import { createReview, type Review } from '../src/controller/admission/review.ts';
import { createDefaultCertificate } from '../src/controller/certificates/default-certificate.ts';
import { createWebhookCertificate } from '../src/controller/certificates/webhook-certificate.ts';
import { createObjectStore } from '../src/controller/store/object-store.ts';
import type { Kind } from '../src/controller/store/objects.ts';
import { readObject } from '../src/controller/store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../src/controller/translate/options.ts';
import { features } from '../src/features/registry.ts';
import { revealBytes } from '../src/lib/redacted-bytes.ts';
import { startFakeApi } from '../test/fakes/api-server.ts';
import { startSerin } from '../test/fixtures/serin-process.ts';
import { percentile } from './percentile.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,5000,10000' },
    reviews: { type: 'string', default: '500' },
    shared: { type: 'string', default: '1' },
  },
});
const reviews = Number(values.reviews);
const shared = Number(values.shared);
const NAMESPACE = 'load';
const SERVER_NAME = 'ingress-nginx-controller-admission.ingress-nginx.svc';

const ingressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'nginx' },
  spec: { controller: 'k8s.io/ingress-nginx' },
};

function ingressOf(index: number, timeout: number): object {
  const backend = { service: { name: `service-${index}`, port: { number: 80 } } };
  const paths = ['', '/api', '/first'].map((path) => ({
    path: `/${index}${path}`,
    pathType: 'Prefix',
    backend,
  }));
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: NAMESPACE,
      name: `ingress-${index}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': String(timeout) },
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [{ host: `host-${Math.floor(index / shared)}.test`, http: { paths } }],
    },
  };
}

function serviceOf(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: `service-${index}` },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 8000 }] },
  };
}

/** The Ingress that a review is of, and another, spread over all. */
const reviewed = (turn: number, size: number) => (turn * 7919) % size;
const changed = (turn: number, size: number) => (turn * 7919 + Math.floor(size / 2)) % size;

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds that `ask` takes, `change` apart. */
async function measure(
  ask: (turn: number) => Promise<void>,
  change: (turn: number) => void | Promise<void>,
): Promise<Times> {
  const tookMs: number[] = [];
  for (let turn = 0; turn < reviews; turn++) {
    await change(turn);
    const startedMs = performance.now();
    await ask(turn);
    tookMs.push(performance.now() - startedMs);
  }
  const sorted = tookMs.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5, 2), p99: percentile(sorted, 0.99, 2), max: percentile(sorted, 1, 2) };
}

async function measureAlone(size: number): Promise<object> {
  const store = createObjectStore();
  const related = createRelatedIngresses(DEFAULT_TRANSLATE_OPTIONS.annotationsPrefix);
  store.watchIngresses(related.changed);
  const put = (kind: Kind, raw: unknown) => {
    const read = readObject(kind, raw);
    if (!read.ok) throw new Error(read.problem.problem);
    store.apply({ kind, type: 'set', object: read.object });
  };
  put('IngressClass', ingressClass);
  for (let index = 0; index < size; index++) {
    put('Service', serviceOf(index));
    put('Ingress', ingressOf(index, 30));
  }
  const review: Review = createReview({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      fallbackCertificate: await createDefaultCertificate(Date.now()),
    },
    features,
    present: () => store.present(),
    related,
    lookUp: async () => ({ secrets: [], configMaps: [] }),
    nowMs: Date.now,
  });
  const ask = async (turn: number) => {
    const verdict = await review({ object: ingressOf(reviewed(turn, size), 31) });
    if (!verdict.isAllowed || !verdict.isOurs) throw new Error(`refused: ${verdict.message}`);
  };
  await measure(ask, () => undefined);
  return {
    still: await measure(ask, () => undefined),
    changing: await measure(ask, (turn) => put('Ingress', ingressOf(changed(turn, size), 40 + (turn % 20)))),
  };
}

async function measureWhole(size: number): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-webhook-load-'));
  const api = await startFakeApi();
  const { ca, certificate, key } = createWebhookCertificate([SERVER_NAME], Date.now());
  const agent = new Agent({ connect: { ca, servername: SERVER_NAME }, connections: 1 });
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  writeFileSync(join(folder, 'cert'), certificate);
  writeFileSync(join(folder, 'key'), revealBytes(key));
  api.apply(ingressClass);
  for (let index = 0; index < size; index++) api.apply([serviceOf(index), ingressOf(index, 30)]);
  const serin = await startSerin([
    'controller',
    `--kubeconfig=${join(folder, 'kubeconfig')}`,
    '--validating-webhook=127.0.0.1:0',
    `--validating-webhook-certificate=${join(folder, 'cert')}`,
    `--validating-webhook-key=${join(folder, 'key')}`,
    '--workers=1',
    '--update-status=false',
    '--post-shutdown-grace-period=0',
  ]);
  const port = /listening name=webhook .*?port=(\d+)/.exec(serin.stderr())![1]!;
  const ask = async (turn: number) => {
    const index = reviewed(turn, size);
    const { body } = await request(`https://127.0.0.1:${port}/networking/v1/ingresses`, {
      method: 'POST',
      dispatcher: agent,
      body: JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          uid: 'u',
          namespace: NAMESPACE,
          name: `ingress-${index}`,
          kind: { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' },
          operation: 'UPDATE',
          object: ingressOf(index, 31),
          oldObject: ingressOf(index, 30),
        },
      }),
    });
    const { response } = (await body.json()) as { response: { allowed: boolean } };
    if (!response.allowed) throw new Error('refused');
  };
  try {
    await measure(ask, () => undefined);
    return {
      still: await measure(ask, () => undefined),
      changing: await measure(ask, (turn) => {
        api.apply(ingressOf(changed(turn, size), 40 + (turn % 20)));
      }),
    };
  } finally {
    await serin.stop();
    await agent.close();
    await api.stop();
    rmSync(folder, { recursive: true });
  }
}

for (const size of values.sizes.split(',').map(Number)) {
  const alone = await measureAlone(size);
  console.log(JSON.stringify({ size, shared, alone, whole: await measureWhole(size) }));
}
