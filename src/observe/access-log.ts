import { createMapTest } from '../lib/map-patterns.ts';
import { PatternTimeout } from '../lib/timed-run.ts';
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
  const isSkipped = createMapTest(options.skippedTargets);
  return {
    write(record) {
      if (!options.isEnabled || (isSkipped !== undefined && isTaken(isSkipped, record.target))) return;
      sink.write(`${format(record)}\n`);
    },
    flush: () => sink.flush(),
    reopen: () => sink.reopen(),
  };
}

/** A target that takes too long is logged. */
function isTaken(test: (target: string) => boolean, target: string): boolean {
  try {
    return test(target);
  } catch (error) {
    if (error instanceof PatternTimeout) return false;
    throw error;
  }
}
