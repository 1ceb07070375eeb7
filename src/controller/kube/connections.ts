import { createHash } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface ConnectionTimes {
  /** TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** From the request to the head of the answer, and between two pieces of a body that is no watch. */
  readonly answerTimeoutMs: number;
}

export interface Question {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Its answer may be silent for as long as it likes. */
  readonly isWatch: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Throws the reason of the signal where that is what ended it. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A peer that vanished without a word is noticed within 15 s: then the system probes every second, ten times. */
const TCP_KEEPALIVE_AFTER_MS = 5_000;
const IDLE_CONNECTION_MS = 30_000;

/**
 * Connections with the same TLS credentials, to an API server or to replicas of the webhook, by Node's own client: HTTP/1.1, kept alive, as many
 * at a time as are asked for. Another client would be 11 MiB of memory at rest for what every start loads anyway.
 */
export class Connections {
  readonly #client: typeof http | typeof https;
  readonly #agent: http.Agent;
  readonly #times: ConnectionTimes;

  /** `server` begins with the scheme. */
  constructor(server: string, tls: ConnectionOptions, times: ConnectionTimes) {
    const kept = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
    const isSecure = server.startsWith('https:');
    this.#client = isSecure ? https : http;
    this.#agent = isSecure ? new https.Agent({ ...tls, ...kept }) : new http.Agent(kept);
    this.#times = times;
  }

  ask({ method, url, headers, body, isWatch, signal }: Question): Promise<Answer> {
    const { answerTimeoutMs } = this.#times;
    return new Promise((resolve, reject) => {
      let late: Error | undefined;
      let isAnswered = false;
      const reasonOf = (error: unknown): unknown =>
        signal?.aborted === true ? signal.reason : (late ?? error);
      const asked = this.#client.request(url, { method, headers, agent: this.#agent, signal });
      const end = (problem: string): void => {
        late ??= new Error(problem);
        asked.destroy(late);
      };
      asked.on('error', (error) => reject(reasonOf(error)));
      asked.once('socket', (socket) => this.#watchConnecting(asked, socket, end));
      asked.setTimeout(answerTimeoutMs, () =>
        end(
          isAnswered
            ? `Body Timeout: nothing more of an answer within ${answerTimeoutMs} ms`
            : `Headers Timeout: no answer within ${answerTimeoutMs} ms`,
        ),
      );
      asked.once('response', (response) => {
        isAnswered = true;
        if (isWatch) response.socket.setTimeout(0);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: piecesOf(response, reasonOf),
        });
      });
      asked.end(body);
    });
  }

  /** Whether anything is open. */
  get isInUse(): boolean {
    return Object.keys({ ...this.#agent.sockets, ...this.#agent.freeSockets }).length > 0;
  }

  /** Cuts everything that is open. */
  destroy(): void {
    this.#agent.destroy();
  }

  #watchConnecting(asked: http.ClientRequest, socket: Socket, end: (problem: string) => void): void {
    if (asked.reusedSocket) return;
    socket.setKeepAlive(true, TCP_KEEPALIVE_AFTER_MS);
    const { connectTimeoutMs } = this.#times;
    const timer = setTimeout(
      () => end(`Connect Timeout: no connection within ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    );
    const done = (): void => clearTimeout(timer);
    socket.once(this.#client === https ? 'secureConnect' : 'connect', done);
    asked.once('close', done);
  }
}

async function* piecesOf(
  response: http.IncomingMessage,
  reasonOf: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw reasonOf(error);
  }
}

/** All of a body as text. */
export async function textOf({ body }: Answer): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Equal for credentials that are equal. */
export function keyOfCredentials(tls: ConnectionOptions): string {
  const key = createHash('sha256');
  for (const [name, value] of Object.entries(tls)) {
    key.update(`${name}=`);
    key.update(value instanceof Uint8Array ? value : `${JSON.stringify(value)}`);
    key.update('\n');
  }
  return key.digest('base64');
}
