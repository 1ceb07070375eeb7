/** One named condition of health; returns why it fails, or undefined when it holds. */
export interface HealthCheck {
  readonly name: string;
  readonly failure: () => string | undefined;
}

export interface HealthAnswer {
  readonly status: 200 | 500;
  readonly body: string;
}

/**
 * Answers a health request as the API server's healthz does: `ok`, or 500 with a line per check. With `isVerbose` the
 * lines come in either case.
 */
export function answerHealth(
  checks: readonly HealthCheck[],
  isVerbose: boolean,
  endpoint = 'healthz',
): HealthAnswer {
  const lines: string[] = [];
  let isHealthy = true;
  for (const { name, failure } of checks) {
    const why = failure();
    if (why === undefined) {
      lines.push(`[+]${name} ok`);
    } else {
      isHealthy = false;
      lines.push(`[-]${name} failed: ${why}`);
    }
  }
  if (isHealthy && !isVerbose) return { status: 200, body: 'ok' };
  lines.push(`${endpoint} check ${isHealthy ? 'passed' : 'failed'}`);
  return { status: isHealthy ? 200 : 500, body: `${lines.join('\n')}\n` };
}
