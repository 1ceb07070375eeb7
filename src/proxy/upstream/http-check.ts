import type { Agent } from '../../lib/http-agent.ts';
import type { HealthCheck } from './active-checks.ts';

/**
 * Checks by GET as a kubelet's httpGet probe does: a connection of its own, certificates not verified, redirects not followed, 200 to
 * 399 is a pass.
 */
export function createHttpCheck(): HealthCheck {
  let agent: Agent | undefined;
  return async ({ key }, { scheme, path, timeoutMs }) => {
    // Loaded with the first check: most workers never make one.
    const http = await import('../../lib/http-agent.ts');
    // Without pipelining every request has a connection of its own.
    agent ??= new http.Agent({ pipelining: 0, connect: { rejectUnauthorized: false } });
    try {
      const { statusCode, body } = await http.ask(agent, {
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
