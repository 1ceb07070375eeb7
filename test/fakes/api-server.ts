import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { stringify } from 'yaml';
import {
  ApiFailure,
  ApiObjects,
  toDrafts,
  typeOfKind,
  typeOfPath,
  type StoredObject,
} from './api-objects.ts';
import type { Call, SeenRequest, Verb } from './api-call.ts';
import { createPages } from './api-pages.ts';
import { toSelector } from './api-selectors.ts';
import { createWatches } from './api-watches.ts';

export interface FakeApiOptions {
  /** Serves HTTPS with this certificate; `ca` goes into the kubeconfig. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  /** Requests without this bearer token are refused with 401. */
  readonly token?: string;
  /** Time between bookmarks; the real server's is about a minute. */
  readonly bookmarkMs?: number;
}

/** What `forbid` refuses; a part that is absent matches everything. */
export interface ForbidRule {
  readonly verb?: Verb;
  /** Plural name, such as `ingressclasses` or `ingresses/status`. */
  readonly resource?: string;
  readonly namespace?: string;
}

/** A Kubernetes API server as far as Serin sees one: small, in memory, honest about versions and watches. */
export interface FakeApiServer {
  readonly url: string;
  /** Text of a kubeconfig that leads here. */
  kubeconfig(): string;
  /** Creates or replaces objects, given as YAML text or objects; works in every fault, as the cluster goes on without us. */
  apply(input: string | object | readonly object[]): StoredObject[];
  delete(kind: string, namespace: string, name: string): void;
  /** The object, or undefined. Cluster-scoped kinds have the namespace ''. */
  get(kind: string, namespace: string, name: string): StoredObject | undefined;
  list(kind: string, namespace?: string): StoredObject[];
  /** The Events about an object; of all objects without arguments. */
  events(kind?: string, namespace?: string, name?: string): StoredObject[];
  /** Every request so far, in order. */
  readonly requests: readonly SeenRequest[];
  /** Open watches of a resource, by plural name; of all resources without. */
  watchCount(resource?: string): number;
  /** Resolves with the first truthy answer; asks again after every request, write and watch, and every 10 ms. Rejects after `timeoutMs`. */
  until<T>(question: () => T | undefined | false | null, timeoutMs?: number): Promise<T>;
  /** Sends a bookmark to every watch that asked for them. */
  bookmark(): void;
  /** Forgets the past: watches from before it and open pages of lists are answered 410. */
  compact(): void;
  /** Refuses requests with 403 until the answer is called. */
  forbid(rule: ForbidRule): () => void;
  setToken(token: string): void;
  /** Fails the next requests with a status, such as 429, 500 or 410. */
  failNext(count: number, status: number, retryAfterSeconds?: number): void;
  /** Delays every answer. */
  slow(delayMs: number): void;
  /** Goes silent with all connections open; new ones are accepted and get no answer either. */
  hang(): void;
  /** Ends `hang`: what waited is answered. */
  resume(): void;
  /** Ends all watches as a server does at their timeout. */
  endWatches(): void;
  /** Cuts all watches in the middle of an event. */
  breakWatches(): void;
  /** Resets all connections. */
  cutConnections(): void;
  /** Resets all connections and accepts no more. */
  goDown(): Promise<void>;
  /** Ends `goDown`, on the same port. */
  comeUp(): Promise<void>;
  stop(): Promise<void>;
}

const BOOKMARK_MS = 60_000;
const UNTIL_MS = 10_000;
const POLL_MS = 10;

/** Starts a double on a port of its own on the loopback address. */
export async function startFakeApi(options: FakeApiOptions = {}): Promise<FakeApiServer> {
  const objects = new ApiObjects();
  const requests: SeenRequest[] = [];
  const rules = new Set<ForbidRule>();
  const sockets = new Set<Socket>();
  const questions = new Set<() => void>();
  const pages = createPages(objects);
  let token = options.token;
  let delayMs = 0;
  let failures: { count: number; status: number; retryAfterSeconds?: number } | undefined;
  let gate: PromiseWithResolvers<void> | undefined;

  const ask = () => {
    for (const question of questions) question();
  };
  const watches = createWatches(objects, () => gate !== undefined, ask);
  objects.onChange(() => {
    watches.flush();
    ask();
  });
  const bookmarks = setInterval(() => watches.bookmark(), options.bookmarkMs ?? BOOKMARK_MS);
  bookmarks.unref();

  const onRequest = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response)
      .catch((error: unknown) => answerFailure(response, error))
      .finally(ask);
  const server: Server =
    options.tls === undefined ? createHttpServer(onRequest) : createHttpsServer(options.tls, onRequest);
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === 'GET' ? undefined : await readJson(request);
    await gate?.promise;
    const call = toCall(request);
    const seen: SeenRequest = { ...call.seen, status: 0 };
    requests.push(seen);
    response.on('close', () => ask());
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    try {
      admit(request, call);
      if (call.seen.verb === 'watch') {
        seen.status = 200;
        watches.add(response, call);
        return;
      }
      const [status, answer] = run(call, body);
      seen.status = status;
      send(response, status, answer);
    } catch (error) {
      seen.status = error instanceof ApiFailure ? error.code : 500;
      throw error;
    }
  }

  function admit(request: IncomingMessage, { seen, part }: Call): void {
    if (failures !== undefined && failures.count-- > 0) {
      const { status, retryAfterSeconds } = failures;
      const reason = status === 410 ? 'Expired' : status === 429 ? 'TooManyRequests' : 'InternalError';
      throw new ApiFailure(status, reason, 'told to fail', { retryAfterSeconds });
    }
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      throw new ApiFailure(401, 'Unauthorized', 'Unauthorized');
    }
    const resource = part === undefined ? seen.resource : `${seen.resource}/${part}`;
    for (const rule of rules) {
      const isMatch =
        (rule.verb ?? seen.verb) === seen.verb &&
        (rule.resource ?? resource) === resource &&
        (rule.namespace ?? seen.namespace) === seen.namespace;
      if (isMatch) throw new ApiFailure(403, 'Forbidden', `${resource} is forbidden: cannot ${seen.verb}`);
    }
  }

  function run({ type, seen, part, query }: Call, body: any): [status: number, answer: object] {
    const { namespace, name } = seen;
    switch (seen.verb) {
      case 'list':
        return [200, pages.list(type, namespace, query)];
      case 'get':
        return [200, objects.get(type, namespace, name)];
      case 'create':
        return [201, objects.create(type, namespace, body)];
      case 'update':
        return [200, objects.update(type, namespace, name, body, part)];
      case 'patch':
        return [200, objects.patch(type, namespace, name, body, part)];
      default:
        return [200, objects.delete(type, namespace, name)];
    }
  }

  const api: FakeApiServer = {
    url,
    requests,
    kubeconfig: () =>
      stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'fake',
        contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
        clusters: [
          {
            name: 'fake',
            cluster: {
              server: url,
              ...(options.tls && {
                'certificate-authority-data': Buffer.from(options.tls.ca).toString('base64'),
              }),
            },
          },
        ],
        users: [{ name: 'fake', user: token === undefined ? {} : { token } }],
      }),
    apply: (input) => toDrafts(input).map((draft) => objects.put(draft)),
    delete: (kind, namespace, name) => void objects.delete(typeOfKind(kind), namespace, name),
    get: (kind, namespace, name) =>
      objects.list(typeOfKind(kind), namespace).find(({ metadata }) => metadata.name === name),
    list: (kind, namespace) => objects.list(typeOfKind(kind), namespace),
    events: (kind, namespace, name) =>
      objects
        .list(typeOfKind('Event'), namespace)
        .filter(
          ({ involvedObject }) =>
            (kind ?? involvedObject.kind) === involvedObject.kind &&
            (name ?? involvedObject.name) === involvedObject.name,
        ),
    watchCount: (resource) => watches.count(resource),
    until: (question, timeoutMs = UNTIL_MS) =>
      new Promise((resolve, reject) => {
        const settle = (end: () => void) => {
          clearTimeout(timer);
          clearInterval(poll);
          questions.delete(attempt);
          end();
        };
        const attempt = () => {
          try {
            const answer = question();
            if (answer !== undefined && answer !== false && answer !== null) settle(() => resolve(answer));
          } catch (error) {
            settle(() => reject(error as Error));
          }
        };
        const timer = setTimeout(
          () => settle(() => reject(new Error(`not within ${timeoutMs} ms: ${String(question)}`))),
          timeoutMs,
        );
        const poll = setInterval(attempt, POLL_MS);
        questions.add(attempt);
        attempt();
      }),
    bookmark: () => watches.bookmark(),
    compact() {
      objects.compact();
      pages.expire();
    },
    forbid(rule) {
      rules.add(rule);
      return () => void rules.delete(rule);
    },
    setToken(next) {
      token = next;
    },
    failNext(count, status, retryAfterSeconds) {
      failures = { count, status, retryAfterSeconds };
    },
    slow(ms) {
      delayMs = ms;
    },
    hang() {
      gate ??= Promise.withResolvers<void>();
    },
    resume() {
      gate?.resolve();
      gate = undefined;
      watches.flush();
    },
    endWatches: () => watches.end(),
    breakWatches: () => watches.break(),
    cutConnections,
    async goDown() {
      const closed = once(server, 'close');
      server.close();
      cutConnections();
      await closed;
    },
    async comeUp() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async stop() {
      clearInterval(bookmarks);
      api.resume();
      cutConnections();
      if (server.listening) await api.goDown();
    },
  };

  function cutConnections(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return api;
}

const PATH =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+\/[^/]+))(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<part>status))?$/;

function toCall(request: IncomingMessage): Call {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://api');
  const { core, group, namespace = '', plural = '', name = '', part } = PATH.exec(pathname)?.groups ?? {};
  const type = typeOfPath(core ?? group ?? '', plural);
  if (type === undefined)
    throw new ApiFailure(404, 'NotFound', 'the server could not find the requested resource');
  const verb = verbOf(request.method ?? 'GET', name !== '', query.get('watch') === 'true');
  const parameters = Object.fromEntries(query);
  return {
    type,
    part: part === 'status' ? part : undefined,
    query,
    seen: { verb, resource: plural, namespace, name, query: parameters },
    isWanted: toSelector(query),
  };
}

function verbOf(method: string, isNamed: boolean, isWatch: boolean): Verb {
  if (method === 'GET') return isNamed ? 'get' : isWatch ? 'watch' : 'list';
  const verbs: Record<string, Verb> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  const verb = verbs[method];
  if (verb === undefined) throw new ApiFailure(405, 'MethodNotAllowed', method);
  return verb;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

function send(response: ServerResponse, status: number, answer: object, headers: object = {}): void {
  const text = JSON.stringify(answer);
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers });
  response.end(text);
}

function answerFailure(response: ServerResponse, error: unknown): void {
  const failure = error instanceof ApiFailure ? error : new ApiFailure(500, 'InternalError', String(error));
  const { code, reason, message, details } = failure;
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  };
  const wait = details.retryAfterSeconds;
  if (!response.headersSent)
    send(response, code, status, wait === undefined ? {} : { 'retry-after': String(wait) });
}
