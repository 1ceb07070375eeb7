import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Exchange } from './exchange.ts';
import type { EndpointOutcome } from '../upstream/upstream.ts';
import type { UpstreamStream } from '../upstream/stream.ts';

/** Told when the tunnel is over. */
export interface TunnelOwner {
  endTunnel(outcome: EndpointOutcome): void;
}

/**
 * Bytes both ways after an upgrade. Each half ends by itself; the read timeout of the route closes a tunnel in which nothing
 * moves.
 */
export class Tunnel {
  readonly #exchange: Exchange;
  readonly #owner: TunnelOwner;
  readonly #upstream: UpstreamStream;
  #isUpstreamEnded = false;
  #isDownstreamEnded = false;
  #isOver = false;

  constructor(exchange: Exchange, owner: TunnelOwner, upstream: UpstreamStream) {
    this.#exchange = exchange;
    this.#owner = owner;
    this.#upstream = upstream;
  }

  onUpstreamData(buffer: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    exchange.accounting.bodyBytesSent += end - start;
    if (!exchange.downstream.writeTunnel(buffer, start, end)) this.#upstream.pause();
  }

  onDownstreamData(bytes: Buffer): void {
    this.#exchange.accounting.requestLength += bytes.length;
    if (this.#isOver) return;
    if (!this.#upstream.sendTunnel(bytes)) this.#exchange.downstream.pauseReading();
  }

  onUpstreamDrain(): void {
    this.#exchange.downstream.resumeReading();
  }

  onDownstreamDrain(): void {
    this.#upstream.resume();
  }

  onUpstreamEnd(): void {
    this.#isUpstreamEnded = true;
    this.#exchange.downstream.endTunnel();
    if (this.#isDownstreamEnded) this.#finish('ok');
  }

  onDownstreamEnd(): void {
    if (this.#isOver) return;
    this.#isDownstreamEnded = true;
    this.#upstream.endTunnel();
    if (this.#isUpstreamEnded) this.#finish('ok');
  }

  /** Silence, or a reset. */
  onUpstreamFailed(code: ProxyErrorCode): void {
    this.#exchange.downstream.endTunnel();
    this.#finish(code === 'read_timeout' ? 'ok' : 'reset');
    this.#exchange.downstream.abort();
  }

  close(): void {
    this.#isOver = true;
  }

  #finish(outcome: EndpointOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.endTunnel(outcome);
  }
}
