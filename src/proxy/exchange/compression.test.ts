import { describe, expect, test } from 'vitest';
import type { CodingSettings, CompressionSettings } from '../../table/compression.ts';
import { ResponseLinesEditor } from '../message/head-editor.ts';
import { parsedLines } from '../message/head-text.ts';
import { Compression } from './compression.ts';
import { CompressorRoom } from './compressor-room.ts';

const types = ['application/json'];
const GZIP: CodingSettings = { name: 'gzip', level: 1, minLength: 256, types };
const BROTLI: CodingSettings = { name: 'br', level: 4, minLength: 20, types: ['image/svg+xml', ...types] };
const BOTH: CompressionSettings = { codings: [BROTLI, GZIP] };

interface Case {
  readonly settings?: CompressionSettings;
  readonly status?: number;
  readonly lines?: string;
  readonly length?: number;
  readonly request?: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly room?: CompressorRoom;
}

/** The coding, and the lines of the head. */
function choose(of: Case): [coding: string | undefined, lines: string] {
  const { settings = { codings: [GZIP] }, status = 200, length = 1_000, version = '1.1' } = of;
  const { lines = 'Content-Type: application/json\r\n', room = new CompressorRoom() } = of;
  const request: Readonly<Record<string, string>> = { 'accept-encoding': 'gzip, br', ...of.request };
  const editor = new ResponseLinesEditor(status, parsedLines(lines), false);
  const coding = Compression.of(settings)!.choose(
    editor,
    { requestLine: `GET / HTTP/${version}`, header: (name) => request[name] },
    length,
    room,
  );
  return [coding?.name, editor.toLines()];
}

const JSON_LINE = 'Content-Type: application/json\r\n';
const VARY = 'Vary: Accept-Encoding\r\n';

test('nothing is compressed where no coding is on', () =>
  expect(Compression.of({ codings: [] })).toBeUndefined());

test('the head says how the body is coded', () => {
  expect(
    choose({ lines: `${JSON_LINE}ETag: "a"\r\nAccept-Ranges: bytes\r\nVary: Origin\r\nX-A: 1\r\n` }),
  ).toEqual([
    'gzip',
    `${JSON_LINE}ETag: W/"a"\r\nVary: Origin\r\nX-A: 1\r\n${VARY}Content-Encoding: gzip\r\n`,
  ]);
});

describe('an entity tag', () => {
  for (const [tag, want] of [
    ['W/"a"', 'ETag: W/"a"\r\n'],
    ['"a"', 'ETag: W/"a"\r\n'],
    ['a', ''],
  ] as const) {
    test(`${tag} becomes ${want.trim() || 'none'}`, () =>
      expect(choose({ lines: `${JSON_LINE}ETag: ${tag}\r\n` })[1]).toBe(
        `${JSON_LINE}${want}${VARY}Content-Encoding: gzip\r\n`,
      ));
  }
});

describe('is left alone', () => {
  const cases: [name: string, of: Case][] = [
    ['a status that nginx leaves alone', { status: 500 }],
    ['a part', { status: 206 }],
    ['no content', { status: 204 }],
    ['what has not changed', { status: 304 }],
    ['a type that is not listed', { lines: 'Content-Type: image/png\r\n' }],
    ['no type', { lines: 'X-A: 1\r\n' }],
    ['what is short', { length: 255 }],
    ['what is coded already', { lines: `${JSON_LINE}Content-Encoding: br\r\nETag: "a"\r\n` }],
    ['what nobody may change', { lines: `${JSON_LINE}Cache-Control: no-cache, No-Transform\r\n` }],
    [
      'gRPC, whatever is listed',
      {
        settings: { codings: [{ ...GZIP, types: ['*'] }] },
        lines: 'Content-Type: application/grpc+proto\r\n',
      },
    ],
  ];
  for (const [name, of] of cases) {
    test(name, () => expect(choose(of)).toEqual([undefined, of.lines ?? JSON_LINE]));
  }
});

describe('is sent plain, and varies', () => {
  const cases: [name: string, of: Case][] = [
    ['to a client of HTTP/1.0', { version: '1.0' }],
    ['to a client that takes no coding', { request: { 'accept-encoding': 'identity' } }],
    ['without room, what is long', { room: full(), length: 40_000 }],
    ['without room, what has no length', { room: full(), length: -1 }],
    [
      'to a client that is to have none',
      {
        settings: { codings: [GZIP], agentsWithoutGzip: '~*old' },
        request: { 'accept-encoding': 'gzip', 'user-agent': 'An Old One' },
      },
    ],
  ];
  for (const [name, of] of cases) {
    test(name, () => expect(choose(of)).toEqual([undefined, `${JSON_LINE}${VARY}`]));
  }

  test('without Accept-Encoding', () => {
    expect(choose({ request: { 'accept-encoding': undefined as never } })[0]).toBeUndefined();
  });
});

function full(): CompressorRoom {
  const room = new CompressorRoom(1);
  room.take(1);
  return room;
}

describe('is compressed', () => {
  const cases: [name: string, of: Case, want: string][] = [
    ['what has no length', { length: -1 }, 'gzip'],
    ['403', { status: 403 }, 'gzip'],
    ['404', { status: 404 }, 'gzip'],
    ['HTML, whatever is listed', { lines: 'Content-Type: Text/HTML; charset=utf-8\r\n' }, 'gzip'],
    [
      'any type',
      { settings: { codings: [{ ...GZIP, types: ['*'] }] }, lines: 'Content-Type: a/b\r\n' },
      'gzip',
    ],
    ['by brotli rather', { settings: BOTH }, 'br'],
    ['by brotli alone what is too short for gzip', { settings: BOTH, length: 100 }, 'br'],
    ['by gzip what brotli may not be', { settings: { codings: [{ ...BROTLI, types: [] }, GZIP] } }, 'gzip'],
    [
      'by brotli for who is to have no gzip',
      { settings: { ...BOTH, agentsWithoutGzip: '~*.' }, request: { 'user-agent': 'x' } },
      'br',
    ],
    ['over HTTP/2', { version: '2.0' }, 'gzip'],
    ['without room, what is short', { room: full() }, 'gzip'],
  ];
  for (const [name, of, want] of cases) test(name, () => expect(choose(of)[0]).toBe(want));
});
