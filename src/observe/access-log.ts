import { compileLogFormat } from './log-format.ts';
import type { LogSink } from './log-sink.ts';
import type { LogEscape } from './log-values.ts';
import type { AccessLog } from './sinks.ts';

/** What the ConfigMap says about the access log; a slice of DataPlaneSettings. */
export interface AccessLogOptions {
  readonly isEnabled: boolean;
  /** nginx variable template. */
  readonly format: string;
  readonly escape: LogEscape;
  /** Targets (query included) that are not logged: exact ones, `~regex` or `~*regex`. */
  readonly skippedTargets: readonly string[];
}

/** Creates the access log over a sink. Templates and lists that cannot be understood are passed over, never thrown. */
export function createAccessLog(options: AccessLogOptions, sink: LogSink): AccessLog {
  const format = compileLogFormat(options.format, options.escape);
  const isSkipped = compileSkippedTargets(options.skippedTargets);
  return {
    write(record) {
      if (!options.isEnabled || (isSkipped !== undefined && isSkipped(record.target))) return;
      sink.write(`${format(record)}\n`);
    },
    flush: () => sink.flush(),
    reopen: () => sink.reopen(),
  };
}

/** nginx's map: exact texts know no case, then regexes in order. Undefined when nothing is skipped. */
function compileSkippedTargets(items: readonly string[]): ((target: string) => boolean) | undefined {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const item of items) {
    if (!item.startsWith('~')) {
      exact.add(item.toLowerCase());
      continue;
    }
    const isCaseless = item.startsWith('~*');
    const pattern = compilePattern(item.slice(isCaseless ? 2 : 1), isCaseless ? 'i' : '');
    if (pattern !== undefined) patterns.push(pattern);
  }
  if (exact.size === 0 && patterns.length === 0) return undefined;
  return (target) => exact.has(target.toLowerCase()) || patterns.some((pattern) => pattern.test(target));
}

function compilePattern(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}
