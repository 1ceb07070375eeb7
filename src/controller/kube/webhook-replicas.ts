import { isIPv6 } from 'node:net';

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
  // Only who has a webhook asks, and seldom.
  const { Agent, request } = await import('undici');
  const agent = new Agent({ connect: { ca, servername: name, timeout: ANSWER_MS } });
  try {
    for (const address of addresses) {
      const host = isIPv6(address) ? `[${address}]` : address;
      const { body } = await request(`https://${host}:${port}/`, {
        dispatcher: agent,
        headersTimeout: ANSWER_MS,
        bodyTimeout: ANSWER_MS,
        signal,
      });
      await body.dump();
    }
    return true;
  } catch {
    return false;
  } finally {
    await agent.destroy();
  }
}
