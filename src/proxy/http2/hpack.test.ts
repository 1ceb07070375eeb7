import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parsedLines } from '../message/head-text.ts';
import { decodeHuffman, encodeHuffman, huffmanLength } from './huffman.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { BlockBuffer, HpackEncoder, PART } from './hpack-encoder.ts';
import { writeInteger } from './hpack-primitives.ts';
import { KnownLines } from './known-lines.ts';
import { BAD_NAME, BAD_VALUE, type Field } from './field.ts';

class Collected {
  isOpen = true;
  readonly fields: string[] = [];
  readonly flags: number[] = [];
  readonly never: string[] = [];

  add({ name, value, flags, line }: Field): void {
    expect(line).toBe(`${name}: ${value}\r\n`);
    this.fields.push(`${name}: ${value}`);
    this.flags.push(flags);
  }

  neverIndexed(name: string): void {
    this.never.push(name);
  }
}

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

function decode(decoder: HpackDecoder, block: Buffer): string[] | undefined {
  const into = new Collected();
  // Surrounded by what is none of it.
  const buffer = Buffer.concat([Buffer.from([0xff]), block, Buffer.from([0x82])]);
  return decoder.decode(buffer, 1, 1 + block.length, into) ? into.fields : undefined;
}

function tableOf(decoder: HpackDecoder): string[] {
  return Array.from({ length: decoder.table.count }, (_, i) => {
    const { name, value } = decoder.table.at(i)!;
    return `${name}: ${value}`;
  });
}

describe('integers (RFC 7541 §5.1)', () => {
  for (const { name, value, prefix, hex } of [
    { name: 'C.1.1: 10 with 5 bits', value: 10, prefix: 5, hex: '0a' },
    { name: 'C.1.2: 1337 with 5 bits', value: 1337, prefix: 5, hex: '1f9a0a' },
    { name: 'C.1.3: 42 at an octet boundary', value: 42, prefix: 8, hex: '2a' },
    { name: 'the largest in the prefix', value: 30, prefix: 5, hex: '1e' },
    { name: 'the smallest beyond it', value: 31, prefix: 5, hex: '1f00' },
  ]) {
    test(name, () => {
      const into = Buffer.alloc(8);
      const end = writeInteger(value, prefix, 0, into, 0);
      expect(into.subarray(0, end).toString('hex')).toBe(hex);
    });
  }

  for (const { name, hex } of [
    { name: 'one that ends early', hex: 'ff80' },
    { name: 'one of more octets than any needs', hex: 'ff 80 80 80 80 80 80 00' },
    { name: 'one beyond all bounds', hex: 'ff ff ff ff ff 0f' },
    { name: 'a string length beyond the block', hex: '00 05 61' },
    { name: 'a missing value', hex: '00 01 61' },
    { name: 'a name index without value', hex: '41' },
  ]) {
    test(`refuses ${name}`, () => expect(decode(new HpackDecoder(), bytes(hex))).toBeUndefined());
  }
});

describe('Huffman (RFC 7541 §5.2)', () => {
  for (const { text, hex } of [
    { text: 'www.example.com', hex: 'f1e3c2e5f23a6ba0ab90f4ff' },
    { text: 'no-cache', hex: 'a8eb10649cbf' },
    { text: 'custom-key', hex: '25a849e95ba97d7f' },
    { text: 'custom-value', hex: '25a849e95bb8e8b4bf' },
    { text: '302', hex: '6402' },
    { text: 'private', hex: 'aec3771a4b' },
    { text: 'Mon, 21 Oct 2013 20:13:21 GMT', hex: 'd07abe941054d444a8200595040b8166e082a62d1bff' },
    { text: 'https://www.example.com', hex: '9d29ad171863c78f0b97c8e9ae82ae43d3' },
    { text: '', hex: '' },
  ]) {
    test(`both ways: ${JSON.stringify(text)}`, () => {
      const into = Buffer.alloc(100);
      expect(huffmanLength(text)).toBe(hex.length / 2);
      expect(into.toString('hex', 0, encodeHuffman(text, into, 0))).toBe(hex);
      const length = decodeHuffman(bytes(hex), 0, hex.length / 2, into);
      expect(into.toString('latin1', 0, length)).toBe(text);
    });
  }

  test('every octet, alone and beside another', () => {
    const into = Buffer.alloc(32);
    const out = Buffer.alloc(32);
    for (let octet = 0; octet < 256; octet++) {
      const text = String.fromCharCode(octet, octet, 97, octet);
      const end = encodeHuffman(text, into, 0);
      expect(out.toString('latin1', 0, decodeHuffman(into, 0, end, out))).toBe(text);
    }
  });

  for (const { name, hex } of [
    { name: 'padding of eight bits', hex: '1fff' },
    { name: 'padding of zeros', hex: '18' },
    { name: 'padding that is no beginning of EOS', hex: '1e' },
    { name: 'EOS', hex: 'fffffffc' },
    { name: 'EOS behind a text', hex: '1fffffffff' },
    { name: 'a code cut off', hex: 'fffe' },
  ]) {
    test(`refuses ${name}`, () => {
      const coded = bytes(hex);
      expect(decodeHuffman(coded, 0, coded.length, Buffer.alloc(64))).toBe(-1);
    });
  }

  test('any text, by property', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const text = Buffer.from(octets).toString('latin1');
        const coded = Buffer.alloc(huffmanLength(text));
        expect(encodeHuffman(text, coded, 0)).toBe(coded.length);
        const into = Buffer.alloc(octets.length + 8);
        expect(decodeHuffman(coded, 0, coded.length, into)).toBe(octets.length);
        expect(into.subarray(0, octets.length)).toEqual(Buffer.from(octets));
      }),
    );
  });
});

describe('representations (RFC 7541 §6)', () => {
  for (const { name, hex, fields, table, never = [] } of [
    {
      name: 'C.2.1: literal with indexing',
      hex: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      fields: ['custom-key: custom-header'],
      table: ['custom-key: custom-header'],
    },
    {
      name: 'C.2.2: literal without indexing',
      hex: '040c 2f73 616d 706c 652f 7061 7468',
      fields: [':path: /sample/path'],
      table: [],
    },
    {
      name: 'C.2.3: literal never indexed',
      hex: '1008 7061 7373 776f 7264 0673 6563 7265 74',
      fields: ['password: secret'],
      table: [],
      never: ['password'],
    },
    { name: 'C.2.4: indexed', hex: '82', fields: [':method: GET'], table: [] },
    { name: 'the last of the static table', hex: 'bd', fields: ['www-authenticate: '], table: [] },
  ]) {
    test(name, () => {
      const decoder = new HpackDecoder();
      const into = new Collected();
      const block = bytes(hex);
      expect(decoder.decode(block, 0, block.length, into)).toBe(true);
      expect(into.fields).toEqual(fields);
      expect(into.never).toEqual(never);
      expect(tableOf(decoder)).toEqual(table);
    });
  }

  for (const { name, hex } of [
    { name: 'index 0', hex: '80' },
    { name: 'an index beyond the static table, with an empty dynamic one', hex: 'be' },
    { name: 'a name index beyond both', hex: '7f 00 01 61' },
    { name: 'a size update behind a field', hex: '82 20' },
    { name: 'a size update beyond what was allowed', hex: '3f e2 1f' },
    { name: 'a third size update', hex: '20 20 20' },
    { name: 'a name of bad Huffman code', hex: '00 81 18 01 61' },
    { name: 'a value of bad Huffman code', hex: '00 01 61 84 ff ff ff ff' },
  ]) {
    test(`refuses ${name}`, () => expect(decode(new HpackDecoder(), bytes(hex))).toBeUndefined());
  }

  test('takes two size updates at the start of a block', () => {
    expect(decode(new HpackDecoder(), bytes('20 3f e1 1f 82'))).toEqual([':method: GET']);
  });
});

const REQUESTS = [
  {
    fields: [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    table: [':authority: www.example.com'],
    size: 57,
  },
  {
    fields: [
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
      'cache-control: no-cache',
    ],
    table: ['cache-control: no-cache', ':authority: www.example.com'],
    size: 110,
  },
  {
    fields: [
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ],
    table: ['custom-key: custom-value', 'cache-control: no-cache', ':authority: www.example.com'],
    size: 164,
  },
];
const DATE_21 = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const DATE_22 = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const LOCATION = 'location: https://www.example.com';
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSES = [
  {
    fields: [':status: 302', 'cache-control: private', DATE_21, LOCATION],
    table: [LOCATION, DATE_21, 'cache-control: private', ':status: 302'],
    size: 222,
  },
  {
    fields: [':status: 307', 'cache-control: private', DATE_21, LOCATION],
    table: [':status: 307', LOCATION, DATE_21, 'cache-control: private'],
    size: 222,
  },
  {
    fields: [':status: 200', 'cache-control: private', DATE_22, LOCATION, 'content-encoding: gzip', COOKIE],
    table: [COOKIE, 'content-encoding: gzip', DATE_22],
    size: 215,
  },
];

describe('whole lists (RFC 7541 appendix C)', () => {
  for (const { name, wants, maxSize, blocks } of [
    {
      name: 'C.3: requests without Huffman',
      wants: REQUESTS,
      maxSize: 4096,
      blocks: [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    },
    {
      name: 'C.4: requests with Huffman',
      wants: REQUESTS,
      maxSize: 4096,
      blocks: [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    },
    {
      name: 'C.5: responses without Huffman',
      wants: RESPONSES,
      maxSize: 256,
      blocks: [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    },
    {
      name: 'C.6: responses with Huffman',
      wants: RESPONSES,
      maxSize: 256,
      blocks: [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    },
  ]) {
    test(name, () => {
      const decoder = new HpackDecoder();
      decoder.table.resize(maxSize);
      for (const [i, want] of wants.entries()) {
        expect(decode(decoder, bytes(blocks[i]!))).toEqual(want.fields);
        expect(tableOf(decoder)).toEqual(want.table);
        expect(decoder.table.size).toBe(want.size);
      }
    });
  }
});

describe('the dynamic table (RFC 7541 §4)', () => {
  const literal = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x40, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);

  test('an entry larger than the table empties it and is still a field', () => {
    const decoder = new HpackDecoder();
    decoder.table.resize(64);
    expect(decode(decoder, literal('a', 'b'))).toEqual(['a: b']);
    expect(decode(decoder, literal('large', 'x'.repeat(60)))).toEqual([`large: ${'x'.repeat(60)}`]);
    expect(decoder.table.count).toBe(0);
    expect(decoder.table.size).toBe(0);
  });

  test('an update to 0 empties it, a larger one lets it grow again', () => {
    const decoder = new HpackDecoder();
    decode(decoder, literal('a', 'b'));
    expect(decode(decoder, bytes('20 3f e1 1f'))).toEqual([]);
    expect(decoder.table.count).toBe(0);
    decode(decoder, literal('c', 'd'));
    expect(tableOf(decoder)).toEqual(['c: d']);
  });

  test('a name may be taken from the entry that is pushed out for it', () => {
    const decoder = new HpackDecoder();
    decoder.table.resize(40);
    decode(decoder, literal('name', 'old'));
    expect(decode(decoder, Buffer.concat([bytes('7e 03'), Buffer.from('new')]))).toEqual(['name: new']);
    expect(tableOf(decoder)).toEqual(['name: new']);
  });

  test('a block that does not say so after the size was lowered is refused (RFC 7541 §4.2)', () => {
    const decoder = new HpackDecoder();
    decoder.allowTableSize(0);
    expect(decode(decoder, bytes('82'))).toBeUndefined();
    const other = new HpackDecoder();
    other.allowTableSize(0);
    expect(decode(other, bytes('20 82'))).toEqual([':method: GET']);
  });

  test('holds many more entries than it began with', () => {
    const decoder = new HpackDecoder();
    for (let i = 0; i < 300; i++) decode(decoder, literal(`n${i}`, ''));
    expect(tableOf(decoder).slice(0, 2)).toEqual(['n299: ', 'n298: ']);
    expect(decoder.table.size).toBeLessThanOrEqual(4096);
    expect(decoder.table.count).toBe(Math.floor(4096 / 36));
  });
});

describe('fields are checked once, where they are read (RFC 9113 §8.2.1)', () => {
  for (const { name, field, flag } of [
    { name: 'a capital in a name', field: ['Name', 'v'], flag: BAD_NAME },
    { name: 'an empty name', field: ['', 'v'], flag: BAD_NAME },
    { name: 'a blank in a name', field: ['a b', 'v'], flag: BAD_NAME },
    { name: 'a colon in a name', field: ['a:b', 'v'], flag: BAD_NAME },
    { name: 'a line break in a name', field: ['a\r\nb', 'v'], flag: BAD_NAME },
    { name: 'a byte beyond ASCII in a name', field: ['a\xe9', 'v'], flag: BAD_NAME },
    { name: 'CR in a value', field: ['a', 'v\rw'], flag: BAD_VALUE },
    { name: 'LF in a value', field: ['a', 'v\nw'], flag: BAD_VALUE },
    { name: 'NUL in a value', field: ['a', 'v\0w'], flag: BAD_VALUE },
    { name: 'a blank before a value', field: ['a', ' v'], flag: BAD_VALUE },
    { name: 'a tab behind a value', field: ['a', 'v\t'], flag: BAD_VALUE },
    { name: 'nothing', field: ['a-b', 'v \t \xe9 w'], flag: 0 },
  ] as const) {
    for (const first of [0x40, 0x00]) {
      test(`${name}, ${first === 0 ? 'passing' : 'indexed'}`, () => {
        const [fieldName, value] = field;
        const block = Buffer.concat([
          Buffer.from([first, fieldName.length]),
          Buffer.from(fieldName, 'latin1'),
          Buffer.from([value.length]),
          Buffer.from(value, 'latin1'),
          first === 0 ? Buffer.alloc(0) : Buffer.from([0xbe]),
        ]);
        const into = new Collected();
        expect(new HpackDecoder().decode(block, 0, block.length, into)).toBe(true);
        expect(into.flags).toEqual(first === 0 ? [flag] : [flag, flag]);
      });
    }
  }
});

describe('the encoder', () => {
  function pair(lines = new KnownLines()) {
    const block = new BlockBuffer();
    const encoder = new HpackEncoder(block, lines);
    const decoder = new HpackDecoder();
    const take = (): Buffer => Buffer.from(block.buffer.subarray(0, block.length));
    return { encoder, decoder, take };
  }

  test('indexes a line when it comes again, and then needs one octet for it', () => {
    const { encoder, decoder, take } = pair();
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) {
      encoder.begin();
      encoder.status(200);
      encoder.lines(parsedLines('Content-Type: text/css\r\nX-Powered-By: something\r\n'));
      sizes.push(take().length);
      expect(decode(decoder, take())).toEqual([
        ':status: 200',
        'content-type: text/css',
        'x-powered-by: something',
      ]);
    }
    expect(sizes[3]).toBe(3);
    expect(sizes[2]).toBe(3);
  });

  test('never indexes what a guess must not confirm', () => {
    const { encoder, decoder, take } = pair();
    for (let i = 0; i < 3; i++) {
      encoder.begin();
      encoder.lines(parsedLines('Set-Cookie: a=b\r\nauthorization: Basic eDp5\r\n'));
      const into = new Collected();
      const block = take();
      expect(decoder.decode(block, 0, block.length, into)).toBe(true);
      expect(into.never).toEqual(['set-cookie', 'authorization']);
    }
    expect(encoder.table.count).toBe(0);
  });

  test('never indexes what a peer never let be indexed (RFC 7541 §6.2.3)', () => {
    const lines = new KnownLines();
    const { encoder, decoder, take } = pair(lines);
    const send = (): string[] => {
      encoder.begin();
      encoder.lines(parsedLines('x-token: 1\r\n'));
      const into = new Collected();
      const block = take();
      decoder.decode(block, 0, block.length, into);
      return into.never;
    };
    send();
    send();
    expect(send()).toEqual([]);
    lines.markSecret('x-token');
    expect(send()).toEqual(['x-token']);
  });

  test('remembers each part of a head, whatever the others are', () => {
    const lines = new KnownLines();
    const { encoder, decoder, take } = pair(lines);
    const send = (): string[] | undefined => {
      encoder.begin();
      encoder.lines(parsedLines('x-a: 1\r\n'), PART.lines);
      encoder.lines(parsedLines('x-b: 2\r\n'), PART.trailers);
      return decode(decoder, take());
    };
    for (let i = 0; i < 4; i++) send();
    const find = vi.spyOn(lines, 'find');
    expect(send()).toEqual(['x-a: 1', 'x-b: 2']);
    expect(find).not.toHaveBeenCalled();
    encoder.forget();
    expect(send()).toEqual(['x-a: 1', 'x-b: 2']);
    expect(find).toHaveBeenCalledTimes(2);
  });

  test('says that its table shrank before it uses it (RFC 7541 §4.2)', () => {
    const { encoder, decoder, take } = pair();
    const text = parsedLines('x-a: 1\r\n');
    for (let i = 0; i < 3; i++) {
      encoder.begin();
      encoder.lines(text);
      decode(decoder, take());
    }
    encoder.allowTableSize(0);
    encoder.allowTableSize(200);
    encoder.begin();
    encoder.lines(text);
    expect(take().subarray(0, 4).toString('hex')).toBe('203fa901');
    expect(decode(decoder, take())).toEqual(['x-a: 1']);
    expect(tableOf(decoder)).toEqual(['x-a: 1']);
    encoder.begin();
    encoder.lines(text);
    expect(take().toString('hex')).toBe('be');
  });

  test('every status, length and passing field', () => {
    const { encoder, decoder, take } = pair();
    for (const status of [100, 103, 200, 204, 206, 301, 304, 400, 404, 421, 500, 503, 599]) {
      encoder.begin();
      encoder.status(status);
      encoder.contentLength(status * 1000);
      encoder.passing(':path', `/${status}`);
      encoder.passing('x-unknown', '');
      encoder.line(':authority: a.test');
      expect(decode(decoder, take())).toEqual([
        `:status: ${status}`,
        `content-length: ${status * 1000}`,
        `:path: /${status}`,
        'x-unknown: ',
        ':authority: a.test',
      ]);
    }
  });

  test('what it writes is what was given to it, by property', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9-]{1,12}$/);
    const value = fc.uint8Array({ maxLength: 60 }).map((octets) =>
      Buffer.from(octets.filter((octet) => octet === 9 || (octet >= 32 && octet !== 127)))
        .toString('latin1')
        .replaceAll(/^[ \t]+|[ \t]+$/g, ''),
    );
    const pool = fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 12 });
    const picks = fc.array(fc.array(fc.nat(11), { maxLength: 8 }), { minLength: 1, maxLength: 40 });
    const sizes = fc.array(fc.option(fc.constantFrom(0, 64, 200, 4096, 65_536)), { maxLength: 40 });
    fc.assert(
      fc.property(pool, picks, sizes, (fields, blocks, resizes) => {
        const { encoder, decoder, take } = pair();
        for (const [i, block] of blocks.entries()) {
          const resize = resizes[i];
          if (resize !== null && resize !== undefined) encoder.allowTableSize(resize);
          const chosen = block.map((pick) => fields[pick % fields.length]!);
          encoder.begin();
          encoder.lines(parsedLines(chosen.map(([n, v]) => `${n}: ${v}\r\n`).join('')));
          expect(decode(decoder, take())).toEqual(chosen.map(([n, v]) => `${n.toLowerCase()}: ${v}`));
          expect(decoder.table.size).toBe(encoder.table.size);
          expect(decoder.table.count).toBe(encoder.table.count);
        }
      }),
    );
  });

  test('what is decoded never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 20 }), (blocks) => {
        const decoder = new HpackDecoder();
        for (const block of blocks) {
          if (decode(decoder, Buffer.from(block)) === undefined) break;
          expect(decoder.table.size).toBeLessThanOrEqual(4096);
        }
      }),
    );
  });
});
