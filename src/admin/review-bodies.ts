import type { IncomingMessage } from 'node:http';

export interface ReviewBodies {
  /** The body as text; or the status that says why it is not read. Rejects when the client goes. */
  read(request: IncomingMessage): Promise<{ readonly text: string } | { readonly status: 413 | 503 }>;
}

export interface BodyBounds {
  /** Of one review. */
  readonly one: number;
  /** Of all that are being read, of one address and together. */
  readonly ofAddress: number;
  readonly all: number;
}

/** Bytes. An object of the API server has 1.5 MiB, and a review holds it twice; whoever else reaches the port takes no more memory than this. */
const BOUNDS: BodyBounds = { one: 9 * 1_048_576, ofAddress: 32 * 1_048_576, all: 64 * 1_048_576 };

export function createReviewBodies(bounds: BodyBounds = BOUNDS): ReviewBodies {
  const ofAddress = new Map<string, number>();
  let all = 0;

  return {
    async read(request) {
      const address = request.socket.remoteAddress ?? '';
      const chunks: Buffer[] = [];
      let bytes = 0;
      const take = (more: number) => {
        bytes += more;
        all += more;
        ofAddress.set(address, (ofAddress.get(address) ?? 0) + more);
      };
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          take(chunk.length);
          if (bytes >= bounds.one) return { status: 413 };
          if (all > bounds.all || ofAddress.get(address)! > bounds.ofAddress) return { status: 503 };
          chunks.push(chunk);
        }
        return { text: Buffer.concat(chunks).toString('utf8') };
      } finally {
        take(-bytes);
        if (ofAddress.get(address) === 0) ofAddress.delete(address);
      }
    },
  };
}
