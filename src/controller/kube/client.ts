import type { ApiAccess, ApiCredentials } from './api-access.ts';
import { Connections, keyOfCredentials, textOf, type Answer } from './connections.ts';
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

/** A client over HTTP/1.1: one connection per watch, kept-alive ones for the rest. Nothing is opened before the first call. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const { access, userAgent } = options;
  const times = {
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    answerTimeoutMs: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
  };
  /** Those in use, the last with the present credentials. */
  let opened: readonly Connections[] = [];
  let openedKey = '';
  let isClosed = false;

  /** The same as long as the TLS credentials stay the same. When they rotate, requests that run on the old ones end by themselves. */
  function connectionsFor({ tls }: ApiCredentials): Connections {
    const key = keyOfCredentials(tls);
    const known = opened.at(-1);
    if (known !== undefined && key === openedKey) return known;
    openedKey = key;
    const connections = new Connections(access.server, tls, times);
    opened = [...opened.filter(({ isInUse }) => isInUse), connections];
    return connections;
  }

  async function send(call: Call): Promise<Answer> {
    const credentials = await access.credentials();
    if (isClosed) throw new Error('the client is closed');
    const answer = await connectionsFor(credentials).ask({
      method: call.method,
      url: `${access.server}${call.path}${printQuery(call.query ?? {})}`,
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': userAgent,
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      isWatch: call.isWatch === true,
      signal: call.signal,
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await toKubeError(answer);
  }

  async function sendForJson(call: Call): Promise<unknown> {
    return JSON.parse(await textOf(await send(call)));
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
      for (const connections of opened) connections.destroy();
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

async function toKubeError(answer: Answer): Promise<KubeError> {
  const text = await textOf(answer);
  let reason = '';
  let message = text.slice(0, 500);
  try {
    const status = JSON.parse(text) as { reason?: unknown; message?: unknown };
    if (typeof status.reason === 'string') reason = status.reason;
    if (typeof status.message === 'string') message = status.message;
  } catch {
    // A proxy in between answers in its own words: they are the message.
  }
  const seconds = Number(answer.headers['retry-after'] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : 0;
  return new KubeError(answer.status, reason, message || `status ${answer.status}`, retryAfterMs);
}
