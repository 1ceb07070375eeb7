import {
  block,
  data,
  type Fields,
  frame,
  headers,
  ping,
  reset,
  settings,
  windowUpdate,
} from '../../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../../src/proxy/http2/wire-codes.ts';
import type { Random } from './generate.ts';
import { type LineSource, mutate, pick, upTo } from './hpack-generate.ts';

/* What a client sends on one connection, as its frames. */

/** All bodies of a connection fit into the window that it begins with, whoever the server is. */
const MAX_BODY_BYTES = 6_000;
const MOST_STREAMS = 6;

export const weighted = <T>(random: Random, choices: readonly (readonly [weight: number, of: T])[]): T => {
  let at = random() * choices.reduce((sum, [weight]) => sum + weight, 0);
  return choices.find(([weight]) => (at -= weight) < 0)![1];
};

/** A frame of a block, or several. */
export function blockFrames(random: Random, id: number, fields: Fields, isEnd: boolean): Buffer[] {
  const end = isEnd ? 1 : 0;
  const bytes = block(fields);
  if (random() < 0.7 && bytes.length < 16_000) return [headers(id, fields, 4 | end)];
  const cut = Math.min(upTo(random, bytes.length), 16_000);
  const first = bytes.subarray(0, cut);
  const prefix = random() < 0.5 ? Buffer.from([0, 0, 0, 0, 7]) : Buffer.alloc(0);
  const flags = end | (prefix.length > 0 ? 0x20 : 0);
  const rest: Buffer[] = [];
  for (let at = cut; at < bytes.length;) {
    const next = at + Math.min(1 + upTo(random, 4_000), bytes.length - at);
    rest.push(frame(FRAME.continuation, next === bytes.length ? 4 : 0, id, bytes.subarray(at, next)));
    at = next;
  }
  return [
    frame(FRAME.headers, flags | (rest.length === 0 ? 4 : 0), id, Buffer.concat([prefix, first])),
    ...rest,
  ];
}

/** A frame of DATA, padded or not. */
export function dataFrame(random: Random, id: number, octets: number, isEnd: boolean): Buffer {
  const payload = Buffer.alloc(octets, 'd');
  if (random() < 0.8) return data(id, payload, isEnd ? 1 : 0);
  const padding = upTo(random, 20);
  return data(
    id,
    Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]),
    8 | (isEnd ? 1 : 0),
  );
}

/** The frames of one request. */
function requestFrames(random: Random, source: LineSource, id: number): Buffer[][] {
  const method = pick(random, ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS']);
  const hasBody = method !== 'GET' && method !== 'HEAD' && random() < 0.7;
  const octets = hasBody ? upTo(random, pick(random, [0, 10, 300, MAX_BODY_BYTES])) : 0;
  const declared = random() < 0.05 ? octets + upTo(random, 2) - 1 : octets;
  const fields: [string, string][] = [
    [':method', method],
    [':scheme', random() < 0.9 ? 'http' : 'https'],
    [':authority', 'a.test'],
    [':path', `/p${id}`],
    ...source.lines(5),
  ];
  if (hasBody && random() < 0.5) fields.push(['content-length', String(declared)]);
  if (random() < 0.06) oddFields(random, fields);
  const groups: Buffer[][] = [blockFrames(random, id, fields, !hasBody)];
  const hasTrailers = hasBody && random() < 0.2;
  let left = octets;
  const least = hasBody ? 2 : 1;
  while (left > 0 || groups.length < least) {
    const taken = random() < 0.5 ? left : Math.min(left, 1 + upTo(random, 500));
    left -= taken;
    groups.push([dataFrame(random, id, taken, left === 0 && !hasTrailers)]);
  }
  if (hasTrailers) groups.push(blockFrames(random, id, [['x-trailer', 'a']], true));
  return groups;
}

/** Makes a head that is not as it should be. */
function oddFields(random: Random, fields: [string, string][]): void {
  const at = 4 + upTo(random, fields.length - 4);
  const odd = pick<[string, string]>(random, [
    ['connection', 'close'],
    ['te', 'gzip'],
    ['te', 'trailers'],
    ['transfer-encoding', 'chunked'],
    ['Upper', 'a'],
    ['x-a', 'b\r\nc: d'],
    ['x-a', 'a\0'],
    ['x-a', ' a'],
    ['x a', 'a'],
    ['', 'a'],
    [':path', '/'],
    [':status', '200'],
    [':unknown', 'a'],
    ['host', 'a.test'],
    ['host', 'b.test'],
    ['content-length', 'x'],
    ['content-length', '5'],
    ['cookie', 'a=b'],
    ['x_y', 'a'],
  ]);
  if (random() < 0.7) fields.splice(at, 0, odd);
  else fields.splice(upTo(random, 3), 1);
}

/** Something beside the requests. */
export function noise(random: Random, ids: readonly number[]): Buffer {
  const id = pick(random, ids);
  return weighted<() => Buffer>(random, [
    [3, () => ping()],
    [2, () => ping(1)],
    [3, () => windowUpdate(random() < 0.5 ? 0 : id, 1 + upTo(random, 70_000))],
    [3, () => frame(FRAME.priority, 0, id, Buffer.from([0, 0, 0, 0, upTo(random, 255)]))],
    [2, () => frame(pick(random, [0x42, 0x0a, 0x0c]), upTo(random, 255), pick(random, [0, id]), 'unknown')],
    [2, () => settings([SETTING.initialWindowSize, 30_000 + upTo(random, 70_000)])],
    [2, () => settings([SETTING.headerTableSize, upTo(random, 5_000)], [0xf0f0, 1])],
    [1, () => frame(FRAME.settings, 1, 0)],
    [2, () => reset(id, pick(random, [0, 2, 8]))],
    [1, () => data(id, '', 0)],
    [1, () => frame(FRAME.priorityUpdate, 0, 0, `\0\0\0${String.fromCharCode(id)}u=1`)],
  ])();
}

/** Something that no client may do. */
export function offence(random: Random, ids: readonly number[]): Buffer {
  const id = pick(random, ids);
  return weighted<() => Buffer>(random, [
    [1, () => ping(0).subarray(0, 9 + upTo(random, 7))],
    [1, () => frame(FRAME.ping, 0, id, 'pingpong')],
    [1, () => windowUpdate(pick(random, [0, id]), 0)],
    [1, () => windowUpdate(pick(random, [0, id]), 0x7fff_ffff)],
    [1, () => windowUpdate(id + 100, 5)],
    [1, () => reset(id + 100, 8)],
    [1, () => reset(0, 8)],
    [1, () => data(id, 'late', pick(random, [0, 1]))],
    [1, () => data(id + 100, 'idle')],
    [1, () => data(0, 'none')],
    [1, () => headers(id + 1, [[':method', 'GET']])],
    [1, () => headers(id, [[':method', 'GET']], pick(random, [4, 5]))],
    [1, () => frame(FRAME.continuation, 4, id, block([['a', 'b']]))],
    [1, () => frame(FRAME.pushPromise, 4, id, Buffer.alloc(8))],
    [1, () => frame(FRAME.settings, 1, 0, 'sixsix')],
    [1, () => frame(FRAME.settings, 0, id)],
    [1, () => frame(FRAME.settings, 0, 0, 'five!')],
    [1, () => settings([SETTING.enablePush, 2])],
    [1, () => settings([SETTING.initialWindowSize, 0x8000_0000])],
    [1, () => settings([SETTING.maxFrameSize, 5])],
    [1, () => frame(FRAME.priority, 0, 0, Buffer.alloc(5))],
    [1, () => frame(FRAME.priority, 0, id, Buffer.alloc(4))],
    [1, () => frame(FRAME.data, 8, id, Buffer.from([200, 1]))],
    [1, () => frame(FRAME.data, 0, id, Buffer.alloc(17_000))],
    [1, () => frame(FRAME.goaway, 0, 0, Buffer.alloc(4))],
    [1, () => frame(FRAME.goaway, 0, id, Buffer.alloc(8))],
  ])();
}

/** Frames behind the preface and SETTINGS. */
export function generateFrames(random: Random, source: LineSource): Buffer[] {
  const ids = Array.from({ length: 1 + upTo(random, MOST_STREAMS - 1) }, (_, i) => i * 2 + 1);
  const waiting = ids.map((id) => requestFrames(random, source, id));
  const frames: Buffer[] = [];
  let opened = 0;
  while (waiting.some((groups) => groups.length > 0)) {
    if (random() < 0.25) frames.push(noise(random, ids.slice(0, Math.max(1, opened))));
    if (random() < 0.02) frames.push(offence(random, ids.slice(0, Math.max(1, opened))));
    // Streams are opened in their order, and go on in any.
    const at = opened === 0 ? 0 : upTo(random, Math.min(opened, ids.length - 1));
    const groups = waiting[at]!;
    if (groups.length === 0) {
      if (opened < ids.length && at < opened) frames.push(...waiting[opened++]!.shift()!);
      continue;
    }
    if (at === opened) opened++;
    frames.push(...groups.shift()!);
  }
  if (random() < 0.3) mutateFrames(random, frames);
  return frames;
}

/** Changes octets of a frame, or the order or number of frames. */
export function mutateFrames(random: Random, frames: Buffer[]): void {
  const at = upTo(random, frames.length - 1);
  switch (upTo(random, 5)) {
    case 0:
      frames.splice(at, 1);
      return;
    case 1:
      frames.splice(at, 0, frames[at]!);
      return;
    case 2:
      frames.push(...frames.splice(at, 1));
      return;
    case 3: {
      // Its flags, or its type: what it is stays as long as it says.
      const changed = Buffer.from(frames[at]!);
      if (random() < 0.6) changed[4]! ^= 1 << upTo(random, 7);
      else changed[3] = upTo(random, 12);
      frames[at] = changed;
      return;
    }
    case 4: {
      // Its payload, not its length.
      const changed = Buffer.from(frames[at]!);
      if (changed.length > 9) changed[9 + upTo(random, changed.length - 10)] = upTo(random, 255);
      frames[at] = changed;
      return;
    }
    default:
      frames[at] = mutate(random, frames[at]!);
  }
}
