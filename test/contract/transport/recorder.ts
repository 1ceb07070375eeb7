import type { CloseReason, Connection, ConnectionHandler } from '../../../src/proxy/transport/transport.ts';

/** Handles a connection and keeps what happened; notices callbacks that are nested, and calls behind the last one. */
export class Recorder implements ConnectionHandler {
  readonly events: string[] = [];
  text = '';
  bytes = 0;
  why: CloseReason | undefined = undefined;
  /** What must never happen. */
  readonly faults: string[] = [];
  /** Runs within each callback, with its name. */
  act: (name: string, connection: Connection) => void = () => {};
  #isInCallback = false;
  #waiting: (() => void)[] = [];

  onConnect(connection: Connection): void {
    this.#record('connect', connection);
  }

  onSecure(connection: Connection): void {
    this.#record('secure', connection);
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    this.text += bytes.toString('latin1', start, end);
    this.bytes += end - start;
    if (this.events.at(-1) === 'data') this.events.pop();
    this.#record('data', connection);
  }

  onEnd(connection: Connection): void {
    this.#record('end', connection);
  }

  onDrain(connection: Connection): void {
    this.#record('drain', connection);
  }

  onWriteFailed(connection: Connection): void {
    this.#record('write failed', connection);
  }

  onClose(connection: Connection, why: CloseReason): void {
    this.why = why;
    this.#record('close', connection);
  }

  count(name: string): number {
    return this.events.filter((event) => event === name).length;
  }

  /** Resolves when it holds, asked after every callback. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async closed(): Promise<CloseReason> {
    await this.until(() => this.why !== undefined);
    return this.why!;
  }

  #record(name: string, connection: Connection): void {
    if (this.#isInCallback) this.faults.push(`${name} within another callback`);
    if (this.events.includes('close')) this.faults.push(`${name} after close`);
    this.events.push(name);
    this.#isInCallback = true;
    this.act(name, connection);
    this.#isInCallback = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
