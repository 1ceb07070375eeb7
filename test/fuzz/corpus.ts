import { readFileSync } from 'node:fs';

/** Cases that are tried in every run of the tests, each as the pieces of bytes that it consists of. Lines that begin with # tell of those below. */
export function readCorpus(name: string): Buffer[][] {
  return readFileSync(new URL(`./corpus/${name}.txt`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' ').map((piece) => Buffer.from(piece, 'hex')));
}

/** Bytes as a corpus has them. */
export function corpusLine(pieces: readonly Buffer[]): string {
  return pieces.map((piece) => piece.toString('hex')).join(' ');
}
