import { writeSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import { escapeControls } from '../lib/printable.ts';

/** The control log: what changed and why. Traffic goes to the access log instead. */
export type ControlLog = Logger;

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `text`: one readable line per entry; `json`: pino's own lines, with levels by name. */
  readonly format: 'text' | 'json';
  /** Takes whole lines; default: standard error. */
  readonly write?: (line: string) => void;
}

/** Creates the control log. Entries are fields and a message: `log.info({ port: 80 }, 'listening')`. */
export function createLog(options: LogOptions): ControlLog {
  const write = options.write ?? writeToStderr;
  const sink = {
    write(line: string) {
      const text = options.format === 'json' ? line.trimEnd() : toText(line);
      // Annotations, names and answers of others are in it: they must not make lines, or colours, of their own.
      write(`${escapeControls(text)}\n`);
    },
  };
  const serializers = { error: pino.stdSerializers.err };
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers, formatters },
    sink,
  );
}

/** `2026-11-23T15:00:00.000Z info  listening name=http port=80` */
function toText(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).map(([key, value]) => ` ${key}=${fieldText(value)}`);
  return `${String(time)} ${String(level).padEnd(5)} ${String(msg ?? '')}${shown.join('')}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message);
  return JSON.stringify(value) ?? 'undefined';
}

function writeToStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // Standard error may be closed or full; the control log must never end the process.
  }
}
