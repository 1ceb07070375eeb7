import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { Exposition } from '../observe/metrics.ts';
import { sendPieces } from './send-pieces.ts';

/** Answers that are too long to be one text. */
export interface LongAnswers {
  /** Sends them piece by piece, compressed where the client takes gzip. Resolves when it is over, whether all was taken or not. */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    begin: () => Exposition | Promise<Exposition>,
  ): Promise<void>;
}

/** Who asks is not known: so many answers at a time, and each for so long. */
const MAX_AT_ONCE = 8;
const LONGEST_MS = 60_000;

export function createLongAnswers(): LongAnswers {
  let underWay = 0;
  return {
    async answer(request, response, begin) {
      if (underWay >= MAX_AT_ONCE) {
        response.writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '1' });
        response.end('too many long answers are under way\n');
        return;
      }
      underWay++;
      try {
        const { contentType, pieces } = await begin();
        const isZipped = takesGzip(request.headers['accept-encoding'] ?? '');
        response.setHeader('Content-Type', contentType);
        response.setHeader('Vary', 'Accept-Encoding');
        if (isZipped) response.setHeader('Content-Encoding', 'gzip');
        if (request.method === 'HEAD') {
          response.end();
          return;
        }
        await sendPieces(pieces, isZipped ? zipped(response) : response, {
          signal: AbortSignal.timeout(LONGEST_MS),
          turn,
        });
      } finally {
        underWay--;
      }
    },
  };
}

function zipped(response: ServerResponse) {
  // The lines of one series differ in a few bytes: more effort saves little, and costs much.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  pipeline(gzip, response, () => undefined);
  return gzip;
}

/** RFC 9110 §12.5.3, as far as it matters here. */
function takesGzip(accepted: string): boolean {
  return accepted.split(',').some((item) => {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    return coding === 'gzip' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
