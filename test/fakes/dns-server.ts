import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** What the server says about a name: records, no such name, a failure, or nothing at all. */
export type DnsAnswer =
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[]; readonly ttlSeconds?: number }
  | 'nxdomain'
  | 'servfail'
  | 'silent';

/** A DNS server on loopback over UDP with answers by name. */
export interface FakeDnsServer {
  /** `127.0.0.1:port`, as node:dns takes it. */
  readonly address: string;
  /** Answers by lower-case name without final dot; missing ones are NXDOMAIN. */
  readonly answers: Map<string, DnsAnswer>;
  /** Questions so far: `A name`, `AAAA name`. */
  readonly questions: string[];
  close(): Promise<void>;
}

const TYPE_A = 1;
const TYPE_AAAA = 28;

/** Starts a server with no names. */
export async function startDnsServer(): Promise<FakeDnsServer> {
  const socket = createSocket('udp4');
  const answers = new Map<string, DnsAnswer>();
  const questions: string[] = [];
  socket.on('message', (message, peer) => {
    const { name, type, end } = readQuestion(message);
    questions.push(`${type === TYPE_AAAA ? 'AAAA' : 'A'} ${name}`);
    const answer = answers.get(name.toLowerCase()) ?? 'nxdomain';
    if (answer === 'silent') return;
    socket.send(makeResponse(message, end, type, answer), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    answers,
    questions,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function makeResponse(
  query: Buffer,
  end: number,
  type: number,
  answer: Exclude<DnsAnswer, 'silent'>,
): Buffer {
  const records = typeof answer === 'string' ? [] : recordsOf(answer, type);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  const code = answer === 'nxdomain' ? 3 : answer === 'servfail' ? 2 : 0;
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  const ttlSeconds = typeof answer === 'string' ? 0 : (answer.ttlSeconds ?? 60);
  const parts = records.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0); // the name of the question
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttlSeconds, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([header, query.subarray(12, end), ...parts]);
}

function recordsOf(answer: Exclude<DnsAnswer, string>, type: number): Buffer[] {
  if (type === TYPE_A) return (answer.a ?? []).map((text) => Buffer.from(text.split('.').map(Number)));
  return (answer.aaaa ?? []).map((text) => {
    const [head = '', tail = ''] = text.split('::');
    const left = head.split(':').filter((part) => part !== '');
    const right = tail.split(':').filter((part) => part !== '');
    const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
    const bytes = Buffer.alloc(16);
    for (const [index, part] of [...left, ...zeros, ...right].entries())
      bytes.writeUInt16BE(Number.parseInt(part, 16), index * 2);
    return bytes;
  });
}
