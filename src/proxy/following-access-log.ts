import { isDeepStrictEqual } from 'node:util';
import { createAccessLog } from '../observe/access-log.ts';
import { createLogSink, type LogSink } from '../observe/log-sink.ts';
import { createSyslogSink } from '../observe/syslog-sink.ts';
import type { AccessLog, LogCounters } from '../observe/sinks.ts';
import type { AccessLogSettings } from '../table/settings.ts';

/**
 * Creates an access log that follows the settings in force: a change of format takes effect with the next line, a change
 * of file or syslog server after what was written before is out.
 */
export function createFollowingAccessLog(
  settings: () => AccessLogSettings,
  report: (fault: unknown) => void,
  counters: LogCounters,
): AccessLog {
  const dropped = (lines: number): void => counters.dropped(lines);
  let known: AccessLogSettings | undefined;
  let log: AccessLog | undefined;
  let sink: LogSink | undefined;

  function follow(next: AccessLogSettings): AccessLog {
    if (sink === undefined || next.path !== known?.path || !isDeepStrictEqual(next.syslog, known?.syslog)) {
      void sink?.close();
      sink =
        next.syslog === undefined
          ? createLogSink({ path: next.path, report, dropped })
          : createSyslogSink({ server: next.syslog, report, dropped });
    }
    known = next;
    log = createAccessLog(next, sink);
    return log;
  }

  return {
    write(record) {
      const now = settings();
      const current = log !== undefined && now === known ? log : follow(now);
      current.write(record);
    },
    flush: async () => log?.flush(),
    reopen: () => log?.reopen(),
  };
}
