import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

/** A way to an API server, with an admin's token. */
export interface Api {
  readonly server: string;
  readonly token: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
  has(path: string): Promise<boolean>;
  /** Makes an object, or does nothing where it is there. */
  create(path: string, object: object): Promise<void>;
  /** Replaces an object; resolves when the API server has taken it. */
  put(path: string, object: object): Promise<void>;
  /** Removes all objects of a collection. */
  clear(path: string): Promise<void>;
  close(): Promise<void>;
}

/** Objects that are made at the same time. */
const LANES = 16;

interface Kubeconfig {
  readonly clusters: readonly { cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { user: Readonly<Record<string, string>> }[];
}

/** Reads a kubeconfig with one cluster, and one user who has a token. */
export function openApi(kubeconfig: string): Api {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const {
    server,
    'certificate-authority': caFile,
    'certificate-authority-data': caData,
  } = clusters[0]!.cluster;
  const { token } = users[0]!.user;
  if (server === undefined || token === undefined)
    throw new Error('the kubeconfig names no server, or its user has no token');
  const ca =
    caFile === undefined
      ? Buffer.from(caData ?? '', 'base64').toString()
      : readFileSync(resolve(dirname(kubeconfig), caFile), 'utf8');
  const agent = new Agent({ connections: LANES, connect: { ca } });

  async function send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    isNoneAllowed = false,
  ): Promise<number> {
    const response = await request(`${server}${path}`, {
      method,
      dispatcher: agent,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode >= 400 && statusCode !== 409 && !(isNoneAllowed && statusCode === 404))
      throw new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 300)}`);
    return statusCode;
  }

  return {
    server,
    token,
    ca,
    has: async (path) => (await send('GET', path, undefined, true)) !== 404,
    create: async (path, object) => void (await send('POST', path, object)),
    put: async (path, object) => void (await send('PUT', path, object)),
    clear: async (path) => void (await send('DELETE', path)),
    close: () => agent.close(),
  };
}

/** Does something for each, so many at a time. */
export async function inLanes<T>(items: Iterable<T>, task: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await task(next.value);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
