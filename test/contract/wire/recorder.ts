import type { HeaderBlock, ResponseHead } from '../../../src/proxy/message/heads.ts';
import type { ProxyErrorCode } from '../../../src/proxy/message/proxy-errors.ts';
import { parsedLines, requestTarget } from '../../../src/proxy/message/head-text.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../../../src/proxy/upstream/stream.ts';

/** What a stream told, as it was told. */
export class Recorder implements UpstreamHandler {
  stream: UpstreamStream | undefined = undefined;
  isReady = false;
  readonly interims: number[] = [];
  status = 0;
  hasBody = false;
  contentLength = -1;
  upgrade: string | undefined = undefined;
  /** The field X-A of the final head. */
  field: string | undefined = undefined;
  body = '';
  reads = 0;
  drains = 0;
  trailer: string | undefined = undefined;
  isEnded = false;
  isTunnel = false;
  isTunnelEnded = false;
  failure: ProxyErrorCode | undefined = undefined;
  isUntouched = false;
  /** Calls that came while the stream itself was being called, or behind the last one. */
  readonly misplaced: string[] = [];
  #isCalling = false;
  #waiting: (() => void)[] = [];

  /** Calls the stream; nothing may be told meanwhile. */
  call<T>(act: (stream: UpstreamStream) => T): T {
    this.#isCalling = true;
    try {
      return act(this.stream!);
    } finally {
      this.#isCalling = false;
    }
  }

  async until(holds: (recorder: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.failure !== undefined) throw new Error(`the stream failed: ${this.failure}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async untilFailed(): Promise<ProxyErrorCode> {
    while (this.failure === undefined) {
      if (this.isEnded) throw new Error('the stream ended well');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.failure;
  }

  onUpstreamReady(): void {
    this.#told('ready');
    this.isReady = true;
  }

  onInterimHead({ status }: ResponseHead): void {
    this.#told('interim');
    this.interims.push(status);
  }

  onResponseHead(head: ResponseHead): void {
    this.#told('head');
    this.status = head.status;
    this.hasBody = head.hasBody;
    this.contentLength = head.contentLength;
    this.field = head.headers.get('x-a');
  }

  onTunnel(head: ResponseHead): void {
    this.#told('tunnel');
    this.isTunnel = true;
    this.upgrade = head.upgrade;
  }

  onResponseBody(buffer: Buffer, start: number, end: number): void {
    this.#told('body');
    this.body += buffer.toString('latin1', start, end);
  }

  onReadDone(): void {
    this.#told('read');
    this.reads++;
  }

  onResponseEnd(trailers: HeaderBlock | undefined): void {
    this.#told('end');
    this.isEnded = true;
    this.trailer = trailers?.get('x-t');
  }

  onUpstreamFailed(code: ProxyErrorCode, isUntouched: boolean): void {
    this.#told('failure');
    this.failure = code;
    this.isUntouched = isUntouched;
  }

  onUpstreamDrain(): void {
    this.#told('drain');
    this.drains++;
  }

  onTunnelData(buffer: Buffer, start: number, end: number): void {
    this.#told('tunnel data');
    this.body += buffer.toString('latin1', start, end);
  }

  onTunnelEnd(): void {
    this.#told('tunnel end');
    this.isTunnelEnded = true;
  }

  #told(what: string): void {
    if (this.#isCalling || this.isEnded || this.failure !== undefined) this.misplaced.push(what);
    // Whoever waits may act at once, as an exchange does; not before the call is over.
    const waiting = this.#waiting;
    this.#waiting = [];
    queueMicrotask(() => {
      for (const resolve of waiting) resolve();
    });
  }
}

/** A request with what the tests do not care for filled in. */
export function requestOf(
  asked: Partial<Omit<UpstreamRequest, 'target' | 'lines'>> & { target?: string; lines?: string } = {},
): UpstreamRequest {
  const { method = 'GET', target = '/', lines = '', ...rest } = asked;
  return {
    method,
    target: requestTarget(method, target),
    receivedLine: '',
    lines: parsedLines(`Host: a.test\r\n${lines}`),
    hasBody: false,
    contentLength: -1,
    upgrade: undefined,
    areTrailersTaken: false,
    connectionHeader: undefined,
    maxResponseHeadBytes: 4_096,
    readTimeoutMs: 60_000,
    sendTimeoutMs: 60_000,
    ...rest,
  };
}
