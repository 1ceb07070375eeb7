import { createHash } from 'node:crypto';
import { Agent, request, type Dispatcher } from 'undici';
import type { ApiAccess, ApiCredentials } from './api-access.ts';
import type { KubeDraft, KubeObject } from './kube-object.ts';
import { resourcePath, type Resource, type ResourceRef } from './resources.ts';
import { readWatchEvents, type WatchEvent } from './watch-events.ts';

export interface ObjectList {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Token of the next page; empty on the last. */
  readonly continueToken: string;
}

export interface Scope {
  /** Empty is all namespaces. */
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListQuery extends Scope {
  readonly limit?: number;
  readonly continueToken?: string;
}

export interface WatchQuery extends Scope {
  readonly resourceVersion: string;
  /** The server ends the watch after this time. */
  readonly timeoutSeconds: number;
}

/** What Serin asks of the API server. All methods reject with `KubeError` where the server refused, else with a network error. */
export interface KubeClient {
  list(resource: Resource, query: ListQuery, signal?: AbortSignal): Promise<ObjectList>;
  /** Resolves when the server has accepted the watch; its events end when the server ends it, and throw when it breaks. */
  watch(resource: Resource, query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>;
  get(resource: Resource, ref: ResourceRef, signal?: AbortSignal): Promise<KubeObject>;
  create(resource: Resource, namespace: string, object: KubeDraft, signal?: AbortSignal): Promise<KubeObject>;
  /** Replaces an object or its subresource; with metadata.resourceVersion a stale one is refused with 409. */
  update(
    resource: Resource,
    ref: ResourceRef,
    object: KubeDraft,
    subresource?: string,
    signal?: AbortSignal,
  ): Promise<KubeObject>;
  /** Applies a JSON merge patch (RFC 7396). */
  patch(resource: Resource, ref: ResourceRef, patch: object, signal?: AbortSignal): Promise<KubeObject>;
  /** Cuts everything that is open. */
  close(): Promise<void>;
}

/** The API server answered with an error status. */
export class KubeError extends Error {
  readonly status: number;
  /** The reason of the Status object: `NotFound`, `Conflict`, `Expired`. */
  readonly reason: string;
  /** How long the server asks to wait; 0 where it does not. */
  readonly retryAfterMs: number;

  constructor(status: number, reason: string, message: string, retryAfterMs = 0) {
    super(message);
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** True when the server answered with this status. */
export function isKubeError(error: unknown, status: number): error is KubeError {
  return error instanceof KubeError && error.status === status;
}

export interface KubeClientOptions {
  readonly access: ApiAccess;
  readonly userAgent: string;
  /** TCP and TLS together. */
  readonly connectTimeoutMs?: number;
  /** From the request to the head of the answer, and between two pieces of a body that is no watch. */
  readonly answerTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** A peer that vanished without a word is noticed within 15 s: then the system probes every second, ten times. */
const TCP_KEEPALIVE_AFTER_MS = 5_000;
const IDLE_CONNECTION_MS = 30_000;

/** A client over HTTP/1.1: one connection per watch, kept-alive ones for the rest. Nothing is opened before the first call. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const { access, userAgent } = options;
  const answerTimeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  let agent: Agent | undefined;
  let agentKey = '';
  let isClosed = false;

  /** One pool of connections as long as the TLS credentials stay the same; replaced when they rotate. */
  function agentFor({ tls }: ApiCredentials): Agent {
    const key = createHash('sha256')
      .update(
        JSON.stringify(Object.entries(tls), (_, value) =>
          value instanceof Uint8Array ? String(value) : value,
        ),
      )
      .digest('base64');
    if (agent !== undefined && agentKey === key) return agent;
    // Requests that run on the old one end by themselves.
    void agent?.close();
    agentKey = key;
    agent = new Agent({
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      connect: {
        ...tls,
        timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEPALIVE_AFTER_MS,
      } as Agent.Options['connect'],
    });
    return agent;
  }

  async function send(call: Call): Promise<Dispatcher.ResponseData> {
    const credentials = await access.credentials();
    if (isClosed) throw new Error('the client is closed');
    const url = `${access.server}${call.path}${printQuery(call.query ?? {})}`;
    const response = await request(url, {
      method: call.method,
      dispatcher: agentFor(credentials),
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': userAgent,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      headersTimeout: answerTimeoutMs,
      bodyTimeout: call.isWatch === true ? 0 : answerTimeoutMs,
      signal: call.signal,
    });
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw await toKubeError(response);
  }

  async function sendForJson(call: Call): Promise<unknown> {
    const response = await send(call);
    return response.body.json();
  }

  return {
    async list(resource, query, signal) {
      const path = resourcePath(resource, query.namespace);
      const { labelSelector, fieldSelector, limit, continueToken } = query;
      const parameters = { labelSelector, fieldSelector, limit, continue: continueToken };
      const list = (await sendForJson({ method: 'GET', path, query: parameters, signal })) as RawList;
      return {
        items: list.items ?? [],
        resourceVersion: list.metadata?.resourceVersion ?? '',
        continueToken: list.metadata?.continue ?? '',
      };
    },
    async watch(resource, query, signal) {
      const path = resourcePath(resource, query.namespace);
      const { labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = query;
      const parameters = { labelSelector, fieldSelector, resourceVersion, timeoutSeconds };
      const response = await send({
        method: 'GET',
        path,
        query: { ...parameters, watch: 'true', allowWatchBookmarks: 'true' },
        signal,
        isWatch: true,
      });
      return readWatchEvents(response.body);
    },
    async get(resource, { namespace, name }, signal) {
      const path = resourcePath(resource, namespace, name);
      return (await sendForJson({ method: 'GET', path, signal })) as KubeObject;
    },
    async create(resource, namespace, object, signal) {
      const path = resourcePath(resource, namespace);
      return (await sendForJson({
        method: 'POST',
        path,
        body: withType(resource, object),
        signal,
      })) as KubeObject;
    },
    async update(resource, { namespace, name }, object, subresource, signal) {
      const path = resourcePath(resource, namespace, name, subresource);
      return (await sendForJson({
        method: 'PUT',
        path,
        body: withType(resource, object),
        signal,
      })) as KubeObject;
    },
    async patch(resource, { namespace, name }, body, signal) {
      const path = resourcePath(resource, namespace, name);
      const contentType = 'application/merge-patch+json';
      return (await sendForJson({ method: 'PATCH', path, body, contentType, signal })) as KubeObject;
    },
    async close() {
      isClosed = true;
      await agent?.destroy();
    },
  };
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly isWatch?: boolean;
}

interface RawList {
  readonly items?: readonly KubeObject[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

function withType(resource: Resource, object: KubeDraft): object {
  return { ...object, apiVersion: resource.apiVersion, kind: resource.kind };
}

function printQuery(query: Readonly<Record<string, string | number | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function toKubeError(response: Dispatcher.ResponseData): Promise<KubeError> {
  const text = await response.body.text();
  let reason = '';
  let message = text.slice(0, 500);
  try {
    const status = JSON.parse(text) as { reason?: unknown; message?: unknown };
    if (typeof status.reason === 'string') reason = status.reason;
    if (typeof status.message === 'string') message = status.message;
  } catch {
    // A proxy in between answers in its own words: they are the message.
  }
  const seconds = Number(response.headers['retry-after'] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : 0;
  return new KubeError(response.statusCode, reason, message || `status ${response.statusCode}`, retryAfterMs);
}
