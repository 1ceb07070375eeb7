import { type HeadText, joinLines, NO_LINES } from '../../../src/proxy/message/head-text.ts';
import { HeaderLines } from '../../../src/proxy/message/header-lines.ts';
import type { HeaderBlock } from '../../../src/proxy/message/heads.ts';
import type { Fields } from './peers.ts';

/** Header lines as the rooms of the data plane hand them to each other. */
export function blockOf(fields: Fields): HeaderBlock {
  const text = `${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  const lines = new HeaderLines({
    maxHeaderLineBytes: 65_536,
    maxHeaders: 100,
    names: 'tokens',
    areUnderscoresAllowed: true,
    areInvalidHeadersIgnored: true,
  });
  lines.begin(0);
  lines.scan(bytes, 0, bytes.length, bytes.length);
  lines.text = text;
  return lines;
}

export function fieldsOf(lines: HeadText, behind: HeadText = NO_LINES): Fields {
  return joinLines(lines, behind)
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    });
}

/** Trailers as fields; undefined: none. */
export function trailersOf(trailers: HeaderBlock | undefined): Fields | undefined {
  if (trailers === undefined || trailers.count === 0) return undefined;
  return Array.from({ length: trailers.count }, (_, i) => [trailers.nameAt(i), trailers.valueAt(i)] as const);
}
