import { isIPv6 } from 'node:net';
import { Connections, textOf } from './connections.ts';

export interface ReplicaQuestion {
  /** Addresses of the Pods. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** PEM of the only authority that counts. */
  readonly ca: string;
  /** The name that is asked for, as the API server asks. */
  readonly name: string;
}

const ANSWER_MS = 3_000;

/** Whether the webhook at every address shows a certificate of an authority. One that cannot be asked may show another. */
export async function areAllServing(
  { addresses, port, ca, name }: ReplicaQuestion,
  signal: AbortSignal,
): Promise<boolean> {
  const times = { connectTimeoutMs: ANSWER_MS, answerTimeoutMs: ANSWER_MS };
  const connections = new Connections('https:', { ca, servername: name }, times);
  const question = { method: 'GET', headers: {}, body: undefined, isWatch: false, signal };
  try {
    for (const address of addresses) {
      const host = isIPv6(address) ? `[${address}]` : address;
      await textOf(await connections.ask({ ...question, url: `https://${host}:${port}/` }));
    }
    return true;
  } catch {
    return false;
  } finally {
    connections.destroy();
  }
}
