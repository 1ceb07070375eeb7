import { createLogSink, type LogSink } from '../observe/log-sink.ts';
import type { LogCounters } from '../observe/sinks.ts';
import { createStreamLog, type StreamLog } from '../observe/stream-log.ts';
import type { StreamLogSettings } from '../table/settings.ts';

/** Creates a log of sessions that follows the settings in force; nothing is opened before the first session ends. */
export function createFollowingStreamLog(
  settings: () => StreamLogSettings,
  report: (fault: unknown) => void,
  counters: LogCounters,
): StreamLog {
  const dropped = (lines: number): void => counters.dropped(lines);
  let known: StreamLogSettings | undefined;
  let log: StreamLog | undefined;
  let sink: LogSink | undefined;
  return {
    write(record) {
      const next = settings();
      if (log === undefined || next !== known) {
        if (sink === undefined || next.path !== known?.path) {
          void sink?.close();
          sink = createLogSink({ path: next.path, report, dropped });
        }
        known = next;
        log = createStreamLog(next, sink);
      }
      log.write(record);
    },
    flush: async () => log?.flush(),
    reopen: () => log?.reopen(),
  };
}
