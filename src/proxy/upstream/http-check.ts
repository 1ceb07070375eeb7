import type { Agent } from 'undici';
import type { HealthCheck } from './active-checks.ts';

/**
 * Checks by GET as a kubelet's httpGet probe does: a connection of its own, certificates not verified, redirects not followed, 200 to
 * 399 is a pass.
 */
export function createHttpCheck(): HealthCheck {
  let agent: Agent | undefined;
  return async ({ key }, { scheme, path, timeoutMs }) => {
    // Loaded with the first check: most workers never make one.
    const undici = await import('undici');
    // Without pipelining every request has a connection of its own.
    agent ??= new undici.Agent({ pipelining: 0, connect: { rejectUnauthorized: false } });
    try {
      const { statusCode, body } = await agent.request({
        origin: `${scheme}://${key}`,
        path,
        method: 'GET',
        headers: { 'user-agent': 'serin-health-check' },
        signal: AbortSignal.timeout(timeoutMs),
      });
      await body.dump();
      return statusCode >= 200 && statusCode < 400 ? undefined : `answered ${statusCode}`;
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') return `did not answer within ${timeoutMs} ms`;
      return (error as Error).message;
    }
  };
}
