import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Review, Verdict } from '../controller/admission/review.ts';
import { createReviewBodies, type ReviewBodies } from './review-bodies.ts';

export interface WebhookDeps {
  readonly review: Review;
  readonly keys: WebhookKeySource;
  /** Told when the certificate that is shown becomes another one. */
  readonly shown: (certificate: X509Certificate) => void;
  /** Told of every verdict on an Ingress of ours that is to be kept: dry runs and other classes are not counted. */
  readonly judged: (judgement: Judgement) => void;
  readonly failed: (error: unknown) => void;
}

/** PEM. */
export interface WebhookKeys {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface WebhookKeySource {
  /** Undefined: there are none yet, or none any more; what is shown stays. */
  read(): Promise<WebhookKeys | undefined>;
  /** Whether the webhook may start without. It takes no review before it has some. */
  readonly areOptional: boolean;
}

/** Keys in files, as a Secret is mounted. */
export function keysInFiles(certificateFile: string, keyFile: string): WebhookKeySource {
  return {
    areOptional: false,
    read: async () => ({ cert: await readFile(certificateFile), key: await readFile(keyFile) }),
  };
}

export interface Judgement {
  readonly namespace: string;
  readonly name: string;
  readonly verdict: Verdict;
  /** From the request to the answer. */
  readonly tookMs: number;
}

/** The validating admission webhook (docs/reference/routing.md §9): AdmissionReview v1 over TLS, on any path. */
export interface Webhook {
  readonly address: string;
  readonly port: number;
  /** Answers as before, and ends each connection with its answer: the API server is to ask others. */
  leave(): void;
  /** Takes no more reviews, and resolves when those under way are answered. */
  close(): Promise<void>;
}

/** The API server waits no longer for a review, and begins at once. */
const REQUEST_MS = 30_000;
const HEAD_MS = 10_000;
const KEYS_POLL_MS = 10_000;
/** How long reviews that are under way may take when it closes: the API server waits no longer than this for one. */
const CLOSING_MS = 10_000;

/**
 * Starts the webhook; `address` is `:8443` or `host:port`. Rejects when keys that it needs cannot be read or the port cannot be bound. The keys
 * are read again as often as `pollMs` says: watching files would miss what changes before the watcher's own first look.
 */
export async function startWebhook(
  deps: WebhookDeps,
  address: string,
  pollMs: number = KEYS_POLL_MS,
): Promise<Webhook> {
  const { host, port } = parseAddress(address);
  let isLeaving = false;
  const bodies = createReviewBodies();
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: HEAD_MS };
  const server = createServer(timeouts, (request, response) => {
    void answer(deps, bodies, request, response, () => isLeaving);
  });
  let keys: WebhookKeys | undefined;
  const load = async () => {
    const next = await deps.keys.read();
    if (next === undefined || (keys?.cert.equals(next.cert) && keys.key.equals(next.key))) return;
    server.setSecureContext(next);
    keys = next;
    deps.shown(new X509Certificate(next.cert));
  };
  let isUnreadable = false;
  let isLoading = false;
  const reload = async () => {
    if (isLoading) return;
    isLoading = true;
    try {
      await load();
      isUnreadable = false;
    } catch (error) {
      if (!isUnreadable) deps.failed(error);
      isUnreadable = true;
    } finally {
      isLoading = false;
    }
  };
  await (deps.keys.areOptional ? reload() : load());
  const polling = setInterval(() => void reload(), pollMs);
  polling.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  });
  return {
    address: (server.address() as AddressInfo).address,
    port: (server.address() as AddressInfo).port,
    leave() {
      isLeaving = true;
    },
    close: () =>
      new Promise((resolve) => {
        clearInterval(polling);
        isLeaving = true;
        const bound = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
        server.close(() => {
          clearTimeout(bound);
          resolve();
        });
      }),
  };
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(.*):(\d+)$/.exec(address);
  if (match === null) throw new Error(`--validating-webhook: "${address}" is not an address such as :8443`);
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}

interface AdmissionRequest {
  readonly uid?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly kind?: { readonly group?: string; readonly kind?: string };
  readonly operation?: string;
  readonly dryRun?: boolean;
  readonly object?: unknown;
  /** Null unless it is an UPDATE. */
  readonly oldObject?: unknown;
}

const NOT_JUDGED: Verdict = { isAllowed: true, isOurs: false, message: '', warnings: [] };

async function answer(
  deps: WebhookDeps,
  bodies: ReviewBodies,
  request: IncomingMessage,
  response: ServerResponse,
  isLeaving: () => boolean,
): Promise<void> {
  const send = (status: number, type: string, text: string) => {
    if (isLeaving()) response.setHeader('Connection', 'close');
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
  };
  const startedMs = performance.now();
  try {
    const body = await bodies.read(request);
    if ('status' in body) {
      response.setHeader('Connection', 'close');
      const why = body.status === 413 ? 'the review is too large' : 'too many reviews are being read';
      return send(body.status, 'text/plain', `${why}\n`);
    }
    const review = parseReview(body.text);
    // Whoever sent this is no API server: the log is none of his.
    if (review?.uid === undefined) return send(500, 'text/plain', 'not an AdmissionReview\n');
    const { uid, kind, namespace = '', name = '', operation, dryRun, object, oldObject } = review;
    const isIngress = kind?.group === 'networking.k8s.io' && kind.kind === 'Ingress';
    const isWritten = operation === 'CREATE' || operation === 'UPDATE';
    const verdict = isIngress && isWritten ? await deps.review({ object, oldObject }) : NOT_JUDGED;
    if (verdict.isOurs && dryRun !== true) {
      deps.judged({ namespace, name, verdict, tookMs: performance.now() - startedMs });
    }
    const status = verdict.isAllowed ? {} : { status: { code: 400, message: verdict.message } };
    const warnings = verdict.warnings.length === 0 ? {} : { warnings: verdict.warnings };
    const answered = { uid, allowed: verdict.isAllowed, ...status, ...warnings };
    send(
      200,
      'application/json',
      JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answered }),
    );
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    deps.failed(error);
    if (!response.headersSent) send(500, 'text/plain', 'the review failed\n');
  }
}

function parseReview(text: string): AdmissionRequest | undefined {
  try {
    return (JSON.parse(text) as { request?: AdmissionRequest } | null)?.request;
  } catch {
    return undefined;
  }
}
