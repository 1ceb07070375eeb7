import { METHODS } from 'node:http';
import { readRequests, readResponses } from '../protocol/codec/drive.ts';
import type { Message } from '../protocol/codec/drive.ts';
import { readRequestsByNode, readResponseByNode } from './llhttp.ts';
import type { OtherMessage } from './llhttp.ts';

/** Dropped by us on purpose: llhttp hands them on. */
const isPlainName = (name: string): boolean => /^[A-Za-z0-9-]+$/.test(name);

/** llhttp has a fixed list of methods, and refuses targets that are not ASCII; nginx takes both, and so do we. */
const isInScope = ({ startLine: [method, target] }: Message): boolean =>
  METHODS.includes(method) && /^[\x21-\x7e]*$/.test(target);

/**
 * Whether what the codec accepts means the same to Node's parser, and how the bytes are cut means nothing. Answers what differs, or
 * undefined. A refusal on our side is no difference.
 */
export async function compareRequests(bytes: Buffer, cuts: readonly number[]): Promise<string | undefined> {
  const whole = readRequests(bytes);
  const parts = readRequests(bytes, cuts);
  if (JSON.stringify(parts) !== JSON.stringify(whole)) {
    return `cut at ${cuts.join()}: ${JSON.stringify(parts)}, whole: ${JSON.stringify(whole)}`;
  }
  if (whole.messages.length === 0) return undefined;
  const other = await readRequestsByNode(bytes);
  for (const [index, message] of whole.messages.entries()) {
    if (!isInScope(message)) return undefined;
    const difference = differenceOf(message, other.messages[index], isPlainName);
    if (difference !== undefined)
      return `request ${index}: ${difference}; node: ${other.error ?? 'no error'}`;
    // llhttp stops at every upgrade that is asked for; the codec goes on when it is one it does not offer.
    if (message.headers.some(([name]) => name.toLowerCase() === 'upgrade')) return undefined;
  }
  return undefined;
}

export async function compareResponses(
  bytes: Buffer,
  method: string,
  cuts: readonly number[],
): Promise<string | undefined> {
  const whole = readResponses(bytes, [method]);
  const parts = readResponses(bytes, [method], cuts);
  if (JSON.stringify(parts) !== JSON.stringify(whole)) {
    return `cut at ${cuts.join()}: ${JSON.stringify(parts)}, whole: ${JSON.stringify(whole)}`;
  }
  const message = whole.messages.at(-1);
  if (message === undefined || message.startLine[1].startsWith('1')) return undefined;
  // llhttp takes `Connection: close` on an interim response for the end of the stream.
  if (whole.messages.slice(0, -1).some((interim) => !interim.isKeepAlive)) return undefined;
  const other = await readResponseByNode(withoutLeniency(bytes), method);
  const difference = differenceOf(message, other.messages[0], () => true);
  return difference === undefined ? undefined : `response: ${difference}; node: ${other.error ?? 'no error'}`;
}

const HEAD = /[^]*?\n\r?\n/y;
const CHUNK_LINE = /([0-9a-f]+)[ \t]*(.*)\r\n/iy;

/**
 * A response that the codec accepts, as llhttp takes it too: what ends with a bare LF in its heads ends with CRLF, and no blanks are
 * behind chunk sizes. Both are taken from upstreams only.
 */
function withoutLeniency(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  let result = '';
  let position = 0;
  let head: string;
  do {
    HEAD.lastIndex = position;
    head = HEAD.exec(text)![0].replaceAll(/\r?\n/g, '\r\n');
    position = HEAD.lastIndex;
    result += head;
  } while (/^HTTP\/1\.\d 1(?!01)/.test(head));
  while (/^transfer-encoding:/im.test(head)) {
    CHUNK_LINE.lastIndex = position;
    const [line, size, extension] = CHUNK_LINE.exec(text) ?? [];
    if (line === undefined) break;
    const end = CHUNK_LINE.lastIndex + Number.parseInt(size!, 16) + 2;
    result += `${size}${extension}\r\n`;
    position = CHUNK_LINE.lastIndex;
    if (end === position + 2) break;
    result += text.slice(position, end);
    position = end;
  }
  return Buffer.from(result + text.slice(position), 'latin1');
}

function differenceOf(
  message: Message,
  other: OtherMessage | undefined,
  isKept: (name: string) => boolean,
): string | undefined {
  if (other === undefined) return `accepted here only: ${JSON.stringify(message.startLine)}`;
  const headers: string[] = [];
  for (let i = 0; i < other.rawHeaders.length; i += 2) {
    if (isKept(other.rawHeaders[i]!)) headers.push(other.rawHeaders[i]!, other.rawHeaders[i + 1]!);
  }
  const ours = [message.startLine, message.headers.flat(), message.body];
  const theirs = [other.startLine, headers, other.body];
  for (const [i, part] of ours.entries()) {
    if (JSON.stringify(part) !== JSON.stringify(theirs[i])) {
      return `${JSON.stringify(part)} here, ${JSON.stringify(theirs[i])} there`;
    }
  }
  return other.isComplete ? undefined : 'complete here, not complete there';
}
