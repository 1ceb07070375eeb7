import { readFileSync, watchFile, unwatchFile } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Review, Verdict } from '../controller/admission/review.ts';

export interface WebhookDeps {
  readonly review: Review;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Told of every verdict on an Ingress of ours that is to be kept: dry runs and other classes are not counted. */
  readonly judged: (judgement: Judgement) => void;
  readonly failed: (error: unknown) => void;
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
  readonly port: number;
  /** Takes no more reviews, and resolves when those under way are answered. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 9 * 1024 * 1024;
const FILE_POLL_MS = 10_000;
/** How long reviews that are under way may take when it closes: the API server waits no longer than this for one. */
const CLOSING_MS = 10_000;

/** Starts the webhook; `address` is `:8443` or `host:port`. Rejects when files cannot be read or the port cannot be bound. */
export async function startWebhook(deps: WebhookDeps, address: string): Promise<Webhook> {
  const { host, port } = parseAddress(address);
  const readKeys = () => ({ cert: readFileSync(deps.certificateFile), key: readFileSync(deps.keyFile) });
  let isClosing = false;
  const server = createServer(readKeys(), (request, response) => {
    void answer(deps, request, response, () => isClosing);
  });
  const reload = () => {
    try {
      server.setSecureContext(readKeys());
    } catch (error) {
      deps.failed(error);
    }
  };
  for (const file of [deps.certificateFile, deps.keyFile]) {
    watchFile(file, { interval: FILE_POLL_MS, persistent: false }, reload);
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const file of [deps.certificateFile, deps.keyFile]) unwatchFile(file, reload);
        isClosing = true;
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
  request: IncomingMessage,
  response: ServerResponse,
  isClosing: () => boolean,
): Promise<void> {
  const send = (status: number, type: string, text: string) => {
    if (isClosing()) response.setHeader('Connection', 'close');
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
  };
  const startedMs = performance.now();
  try {
    const body = await readBody(request);
    if (body === undefined) {
      response.setHeader('Connection', 'close');
      return send(413, 'text/plain', 'the review is too large\n');
    }
    const review = JSON.parse(body) as { apiVersion?: string; request?: AdmissionRequest };
    if (review.request?.uid === undefined) return send(500, 'text/plain', 'not an AdmissionReview\n');
    const { uid, kind, namespace = '', name = '', operation, dryRun, object, oldObject } = review.request;
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
    deps.failed(error);
    if (!response.headersSent) send(500, 'text/plain', 'the review cannot be read\n');
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes >= MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
