import type { Socket } from 'node:net';

/** Runs a task once all that has come in on sockets by now was read: whoever asks may be before the reading of its own turn, or behind it. */
export function afterInput(task: () => void): void {
  setImmediate(() => setImmediate(task));
}

/** Whether a socket is being read; asking twice for the same costs nothing. */
export class ReadFlow {
  readonly #socket: Socket;
  #isPaused = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }
}
