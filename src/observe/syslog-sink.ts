import { createSocket, type Socket } from 'node:dgram';
import { hostname } from 'node:os';
import type { LogSink } from './log-sink.ts';

/** Where a syslog daemon takes UDP (RFC 3164). */
export interface SyslogServer {
  /** Address or host name. */
  readonly host: string;
  readonly port: number;
}

export interface SyslogSinkOptions {
  readonly server: SyslogServer;
  /** Told of the first failure in a row; lines are counted, not reported. */
  readonly report?: (error: unknown) => void;
  /** Told how many lines were lost. */
  readonly dropped?: (lines: number) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** nginx's facility local7 and severity info. */
const PRIORITY = 23 * 8 + 6;
/** Lines on their way; more are lost. A name that is being looked up holds all of them. */
const MAX_PENDING = 4_096;
/** What a datagram over IPv4 can hold. */
const MAX_DATAGRAM_BYTES = 65_507;
/** A server that did not resolve, or a socket that failed, is tried again after that. */
const RETRY_MS = 1_000;
/** A name is looked up anew that often. */
const LOOK_UP_MS = 60_000;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Creates a sink that sends each line to a syslog server, as nginx's `access_log syslog:server=` does. What is not taken is lost. */
export function createSyslogSink(options: SyslogSinkOptions): LogSink {
  return new SyslogSink(options);
}

class SyslogSink implements LogSink {
  droppedLines = 0;
  readonly #server: SyslogServer;
  readonly #report: (error: unknown) => void;
  readonly #dropped: (lines: number) => void;
  readonly #now: () => number;
  readonly #host: string = hostname();
  #socket: Socket | undefined = undefined;
  #isConnected = false;
  #openedAtMs = -Infinity;
  /** Lines that wait for the name of the server. */
  #waiting: Buffer[] = [];
  #pending = 0;
  #second = -1;
  #header = '';
  #hasFailed = false;
  #isClosed = false;
  #idle: (() => void)[] = [];

  constructor(options: SyslogSinkOptions) {
    this.#server = options.server;
    this.#report = options.report ?? (() => {});
    this.#dropped = options.dropped ?? (() => {});
    this.#now = options.now ?? Date.now;
  }

  write(line: string): void {
    if (this.#isClosed || this.#pending >= MAX_PENDING || !this.#open()) {
      this.#drop(1);
      return;
    }
    const text = line.endsWith('\n') ? line.slice(0, -1) : line;
    const datagram = Buffer.from(this.#headerNow() + text, 'latin1').subarray(0, MAX_DATAGRAM_BYTES);
    this.#pending++;
    if (this.#isConnected) this.#send(datagram);
    else this.#waiting.push(datagram);
  }

  flush(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  reopen(): void {}

  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    this.#end();
  }

  /** Whether there is a socket that has the server, or will have it. */
  #open(): boolean {
    const nowMs = this.#now();
    const isOld = nowMs - this.#openedAtMs >= LOOK_UP_MS && this.#pending === 0;
    if (this.#socket !== undefined && !isOld) return true;
    if (this.#socket === undefined && nowMs - this.#openedAtMs < RETRY_MS) return false;
    this.#end();
    this.#openedAtMs = nowMs;
    const socket = createSocket(this.#server.host.includes(':') ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.unref();
    socket.on('error', (error) => {
      // What was sent before is refused by the server's machine: its next line may find the daemon again.
      if (this.#socket === socket) this.#fail(error);
    });
    socket.once('connect', () => {
      this.#isConnected = true;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const datagram of waiting) this.#send(datagram);
    });
    socket.connect(this.#server.port, this.#server.host);
    return true;
  }

  #send(datagram: Buffer): void {
    this.#socket!.send(datagram, (error) => {
      if (error === null) this.#hasFailed = false;
      else this.#lose(1, error);
      this.#settle(1);
    });
  }

  /** A server without a daemon is told by the socket, now and then; one whose name is unknown before it is connected. */
  #fail(error: Error): void {
    if (this.#isConnected) {
      this.#tell(error);
      return;
    }
    const lost = this.#waiting.length;
    this.#waiting = [];
    this.#end();
    this.#lose(lost, error);
    this.#settle(lost);
  }

  #lose(lines: number, error: Error): void {
    this.#drop(lines);
    this.#tell(error);
  }

  #drop(lines: number): void {
    this.droppedLines += lines;
    this.#dropped(lines);
  }

  #tell(error: Error): void {
    if (!this.#hasFailed) this.#report(error);
    this.#hasFailed = true;
  }

  #settle(lines: number): void {
    this.#pending -= lines;
    if (this.#pending > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #end(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#isConnected = false;
  }

  /** `<190>Nov  6 14:17:03 host nginx: `, made once a second. */
  #headerNow(): string {
    const nowMs = this.#now();
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      const at = new Date(nowMs);
      const two = (value: number) => String(value).padStart(2, '0');
      const day = String(at.getDate()).padStart(2);
      const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
      this.#header = `<${PRIORITY}>${MONTHS[at.getMonth()]} ${day} ${time} ${this.#host} nginx: `;
    }
    return this.#header;
  }
}
