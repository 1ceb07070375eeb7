import { describe, expect, test } from 'vitest';
import { NO_LINES, parsedLines } from '../message/head-text.ts';
import type { ServerSession } from './server-session.ts';
import type { Stream } from './stream.ts';
import {
  answer,
  block,
  clientOf,
  data,
  frame,
  GET,
  headers,
  type Peer,
  ping,
  POST,
  reset,
  settings,
  windowUpdate,
  word,
} from './testing.ts';
import { FRAME, PREFACE, SETTING } from './wire-codes.ts';

const START = Buffer.concat([PREFACE, settings()]);
const WIDE = Buffer.concat([
  PREFACE,
  settings([SETTING.initialWindowSize, 0x7fff_ffff]),
  windowUpdate(0, 0x7fff_0000),
]);
const hold = (): void => {};
const read = (stream: Stream): void => stream.resume();

/** Answers with so many octets of each stream's number. */
const answerWith =
  (octets: number) =>
  (stream: Stream, session: ServerSession): void => {
    session.respond(stream, 200, NO_LINES, NO_LINES, octets, NO_LINES);
    stream.write(Buffer.alloc(octets, String(stream.id)), 0, octets);
    stream.end('');
    stream.release();
  };

/** DATA that a peer was sent, as `stream:octets` in order, neighbours of one stream joined. */
function dataOf(lines: readonly string[]): string[] {
  const sizes: [id: string, octets: number][] = [];
  for (const line of lines) {
    const match = /^data (\d+) (?:(\d+)|"(.*)")/.exec(line);
    if (match === null) continue;
    const octets = match[2] === undefined ? match[3]!.length : Number(match[2]);
    const last = sizes.at(-1);
    if (last !== undefined && last[0] === match[1]) last[1] += octets;
    else sizes.push([match[1]!, octets]);
  }
  return sizes.map(([id, octets]) => `${id}:${octets}`);
}

function started(
  onHead: (stream: Stream, session: ServerSession) => void,
  start = START,
): Peer<ServerSession> {
  const peer = clientOf(onHead);
  peer.send(start);
  peer.take();
  return peer;
}

describe('5.2, 6.9: what is sent keeps to the windows', () => {
  test('of a stream', () => {
    const peer = started(answerWith(100_000), Buffer.concat([START, windowUpdate(0, 1_000_000)]));
    peer.send(headers(1, GET));
    expect(dataOf(peer.take())).toEqual(['1:65535']);
    peer.send(windowUpdate(1, 10));
    expect(dataOf(peer.take())).toEqual(['1:10']);
    peer.send(windowUpdate(1, 100_000));
    expect(dataOf(peer.take())).toEqual(['1:34455']);
    expect(peer.session.streams.size).toBe(0);
  });

  test('of the connection, which all streams share', () => {
    const peer = started(answerWith(50_000));
    peer.send(headers(1, GET), headers(3, GET));
    expect(dataOf(peer.take())).toEqual(['1:50000', '3:15535']);
    peer.send(windowUpdate(0, 100_000));
    expect(dataOf(peer.take())).toEqual(['3:34465']);
  });

  test('6.9.2: a smaller initial window may make one negative', () => {
    const peer = started(answerWith(100_000), Buffer.concat([START, windowUpdate(0, 1_000_000)]));
    peer.send(headers(1, GET));
    peer.send(settings([SETTING.initialWindowSize, 1000]));
    peer.take();
    // 65,535 were used of 1,000.
    peer.send(windowUpdate(1, 64_535));
    expect(dataOf(peer.take())).toEqual([]);
    peer.send(windowUpdate(1, 5));
    expect(dataOf(peer.take())).toEqual(['1:5']);
    peer.send(settings([SETTING.initialWindowSize, 1010]));
    expect(dataOf(peer.take())).toEqual(['1:10']);
  });

  test('a window of 0 holds the body back, and neither the head nor an empty end', () => {
    const peer = started(answer, Buffer.concat([PREFACE, settings([SETTING.initialWindowSize, 0])]));
    peer.send(headers(1, GET));
    expect(peer.take()).toEqual(['headers 1 {:status: 200, x-a: b}']);
    peer.send(windowUpdate(1, 1));
    expect(peer.take()).toEqual(['data 1 "o"']);
    peer.send(windowUpdate(1, 1));
    expect(peer.take()).toEqual(['data 1 "k" end']);
  });

  test('a reader that is slow on one stream does not hold the others', () => {
    const peer = started(
      (stream, session) => answerWith(stream.id === 1 ? 200_000 : 100)(stream, session),
      Buffer.concat([START, windowUpdate(0, 1_000_000)]),
    );
    peer.send(headers(1, GET));
    expect(dataOf(peer.take())).toEqual(['1:65535']);
    peer.send(headers(3, GET), headers(5, GET));
    expect(dataOf(peer.take())).toEqual(['3:100', '5:100']);
  });

  test('a handler that waits is told when its stream is empty', () => {
    const peer = started((stream, session) => {
      session.respond(stream, 200, NO_LINES, NO_LINES, -1, NO_LINES);
      stream.write(Buffer.alloc(70_000), 0, 70_000);
      expect(stream.askDrained()).toBe(false);
    });
    peer.send(headers(1, GET));
    expect(peer.events).toEqual(['head 1 GET /']);
    peer.send(windowUpdate(1, 4465));
    expect(peer.events).toEqual(['head 1 GET /']);
    peer.send(windowUpdate(0, 4465));
    expect(peer.events).toEqual(['head 1 GET /', 'drain 1']);
  });

  test('a reset forgets what waits', () => {
    const peer = started(answerWith(100_000));
    peer.send(headers(1, GET), reset(1, 8), windowUpdate(0, 100_000), ping());
    expect(dataOf(peer.take())).toEqual(['1:65535']);
  });
});

describe('5.2: what comes in keeps to the windows', () => {
  test('DATA beyond the window of a stream that nobody reads is an error of the stream', () => {
    const peer = started(hold);
    const piece = Buffer.alloc(16_383);
    peer.send(headers(1, POST, 4), ...Array.from({ length: 4 }, () => data(1, piece)));
    expect(peer.take()).toEqual([]);
    peer.send(data(1, Buffer.alloc(4)));
    expect(peer.take()).toEqual(['reset 1 flowControlError']);
  });

  test('DATA beyond the window of the connection is an error of it', () => {
    const peer = started(hold);
    const piece = Buffer.alloc(16_384);
    for (let id = 1; !peer.session.isOver; id += 2) {
      expect(id).toBeLessThan(100);
      peer.send(headers(id, POST, 4), data(id, piece), data(id, piece), data(id, piece));
      peer.send(reset(id + 100, 8));
      if (id > 8 * 2) break;
    }
    // Eight streams are not enough; they hold what they were sent.
    expect(peer.session.isOver).toBe(true);
  });

  test('what is read is given back, by halves of the window', () => {
    const peer = started(read);
    peer.send(headers(1, POST, 4));
    const piece = Buffer.alloc(16_000);
    peer.send(data(1, piece));
    expect(peer.take()).toEqual([]);
    peer.send(data(1, piece));
    // One that is read gets a larger window.
    expect(peer.take()).toEqual([`windowUpdate 1 ${32_000 + 262_144 - 65_535}`]);
    for (let i = 0; i < 8; i++) peer.send(data(1, piece));
    expect(peer.take()).toEqual([]);
    peer.send(data(1, piece));
    expect(peer.take()).toEqual(['windowUpdate 1 144000']);
  });

  test('a stream that was paused behind what it was handed gets its room when it is read again', () => {
    const peer = started(read);
    peer.send(headers(1, POST, 4));
    const stream = peer.session.streams.get(1)!;
    stream.handler!.onRead = (one) => one.pause();
    const piece = Buffer.alloc(16_000);
    peer.send(data(1, piece), data(1, piece), data(1, piece), data(1, piece));
    expect(peer.take()).toEqual([]);
    stream.resume();
    peer.turn();
    expect(peer.take()).toEqual([`windowUpdate 1 ${64_000 + 262_144 - 65_535}`]);
  });

  test('a body whose rest fits needs no more room', () => {
    const peer = started(read);
    peer.send(headers(1, [...POST, ['content-length', '60000']], 4));
    for (let i = 0; i < 5; i++) peer.send(data(1, Buffer.alloc(10_000)));
    expect(peer.take()).toEqual([]);
  });

  test('a stream that nobody reads stops by itself, and what it held comes when somebody does', () => {
    let held: Stream | undefined;
    const peer = started((stream) => {
      if (stream.id === 1) held = stream;
      else stream.resume();
    });
    peer.send(headers(1, POST, 4), data(1, 'ab'), data(1, 'c', 1));
    peer.send(headers(3, POST, 4), data(3, 'x', 1));
    expect(peer.events).toEqual(['head 1 POST /', 'head 3 POST /', 'data 3 "x"', 'end 3']);
    held!.resume();
    expect(peer.events.slice(4)).toEqual([]);
    peer.turn();
    expect(peer.events.slice(4)).toEqual(['data 1 "ab"', 'data 1 "c"', 'end 1']);
  });

  test('trailers are held with the body', () => {
    let held: Stream | undefined;
    const peer = started((stream) => {
      if (stream.id === 1) held = stream;
      else stream.resume();
    });
    peer.send(headers(1, POST, 4), data(1, 'a'), headers(1, [['x-a', '1']]));
    peer.send(headers(3, POST, 4), headers(3, [['x-b', '2']]));
    held!.resume();
    peer.turn();
    expect(peer.events.slice(2)).toEqual(['end 3 {x-b: 2;}', 'data 1 "a"', 'end 1 {x-a: 1;}']);
  });

  test('pausing in the middle of a read holds the rest of it', () => {
    const peer = started((stream) => stream.resume());
    let paused: Stream | undefined;
    peer.send(headers(1, POST, 4));
    const handler = peer.session.streams.get(1)!.handler!;
    const take = handler.onData.bind(handler);
    handler.onData = (stream, buffer, start, end) => {
      take(stream, buffer, start, end);
      stream.pause();
      paused = stream;
    };
    peer.send(data(1, 'a'), data(1, 'b'), data(1, 'c', 1));
    expect(peer.events.slice(1)).toEqual(['data 1 "a"']);
    paused!.resume();
    peer.turn();
    expect(peer.events.slice(1)).toEqual(['data 1 "a"', 'data 1 "b"']);
    paused!.resume();
    peer.turn();
    paused!.resume();
    peer.turn();
    expect(peer.events.slice(1)).toEqual(['data 1 "a"', 'data 1 "b"', 'data 1 "c"', 'end 1']);
  });

  test('what was held for a stream that is over does not count against the connection', () => {
    const peer = started(hold);
    const piece = Buffer.alloc(16_000);
    for (let id = 1; id < 200; id += 2) {
      peer.send(headers(id, POST, 4), data(id, piece), data(id, piece), data(id, piece), reset(id, 8));
      expect(peer.session.isOver).toBe(false);
    }
  });

  test('DATA of a stream that we have reset does not count against the connection either', () => {
    const peer = started((stream) => {
      stream.reset(8);
      stream.release();
    });
    for (let id = 1; id < 200; id += 2) {
      peer.send(headers(id, POST, 4), ...Array.from({ length: 4 }, () => data(id, Buffer.alloc(16_000))));
      expect(peer.session.isOver).toBe(false);
    }
  });
});

describe('writes', () => {
  test('the frames of all streams that are ready leave in one', () => {
    const peer = started(answerWith(500));
    peer.sink.writes.length = 0;
    peer.send(...[1, 3, 5, 7].map((id) => headers(id, GET)));
    expect(peer.sink.writes.length).toBe(1);
    expect(dataOf(peer.take())).toEqual(['1:500', '3:500', '5:500', '7:500']);
  });

  test('the end is a flag of the last frame, the head if there is no other', () => {
    const peer = started((stream, session) => {
      session.respond(stream, 204, NO_LINES, NO_LINES, -1, NO_LINES);
      stream.end('');
    });
    peer.send(headers(1, GET));
    expect(peer.take()).toEqual(['headers 1 {:status: 204} end']);
  });

  test('an end that comes when the last frame is gone is a frame of its own', () => {
    let held: Stream | undefined;
    const peer = started((stream, session) => {
      session.respond(stream, 200, NO_LINES, NO_LINES, -1, NO_LINES);
      held = stream;
    });
    peer.send(headers(1, GET));
    held!.end('');
    peer.turn();
    expect(peer.take()).toEqual(['headers 1 {:status: 200}', 'data 1 "" end']);
  });

  test('interim heads end nothing', () => {
    const peer = started((stream, session) => {
      session.respond(stream, 103, NO_LINES, parsedLines('Link: </a>\r\n'), -1, NO_LINES);
      session.respond(stream, 200, NO_LINES, NO_LINES, 0, NO_LINES);
      stream.end('');
    });
    peer.send(headers(1, GET));
    expect(peer.take()).toEqual([
      'headers 1 {:status: 103, link: </a>}',
      'headers 1 {:status: 200, content-length: 0} end',
    ]);
  });

  test('trailers end a response', () => {
    const peer = started((stream, session) => {
      session.respond(stream, 200, NO_LINES, NO_LINES, -1, NO_LINES);
      stream.write(Buffer.from('x'), 0, 1);
      stream.end('grpc-status: 0\r\n');
    });
    peer.send(headers(1, GET));
    expect(peer.take().slice(1)).toEqual(['data 1 "x"', 'headers 1 {grpc-status: 0} end']);
  });

  test('a head beyond one frame goes on in CONTINUATION, with nothing in between', () => {
    const line = `x-long: ${'ü'.repeat(5000)}\r\n`;
    const peer = started((stream, session) => {
      session.respond(stream, 200, NO_LINES, parsedLines(line.repeat(5)), -1, NO_LINES);
      stream.end('');
    });
    peer.send(headers(1, GET), ping());
    expect(peer.take().map((text) => text.slice(0, 14))).toEqual([
      'headers 1 {:st',
      'continuation 1',
      'ping ack pingp',
    ]);
  });

  test('a sink that takes no more gets no more, and what it was given once is not repeated', () => {
    const peer = started(answerWith(300_000), WIDE);
    peer.sink.isTaking = false;
    peer.send(headers(1, GET));
    const first = dataOf(peer.take());
    peer.send(headers(3, GET), ping());
    expect(dataOf(peer.take())).toEqual([]);
    peer.sink.isTaking = true;
    peer.session.onDrain();
    peer.turn();
    const rest = dataOf(peer.take());
    const total = [...first, ...rest].reduce((sum, one) => sum + Number(one.split(':')[1]), 0);
    expect(total).toBe(600_000);
  });

  test('a client that is slow for a moment has the next answers gathered behind those that it was given', () => {
    const peer = started(answerWith(20_000), WIDE);
    peer.sink.isTaking = false;
    peer.send(headers(1, GET));
    peer.turn();
    peer.take();
    for (const id of [3, 5, 7]) peer.send(headers(id, GET));
    peer.turn();
    expect(peer.sink.writes).toEqual([]);
    peer.sink.isTaking = true;
    peer.session.onDrain();
    expect(peer.sink.writes.length).toBe(1);
  });

  test('where many clients are slow, little waits for each', () => {
    const peer = started((stream, session) => {
      session.respond(stream, 200, NO_LINES, NO_LINES, -1, NO_LINES);
      stream.write(Buffer.alloc(100), 0, 100);
    }, WIDE);
    const { chunks } = peer.shared;
    const taken = Array.from({ length: 512 }, () => chunks.take());
    peer.sink.isTaking = false;
    peer.send(headers(1, GET));
    peer.send(headers(3, GET));
    expect(dataOf(peer.take())).toEqual(['1:100']);
    for (const chunk of taken) chunks.give(chunk);
    peer.send(headers(5, GET));
    peer.sink.isTaking = true;
    peer.session.onDrain();
    peer.turn();
    expect(dataOf(peer.take())).toEqual(['3:100', '5:100']);
    expect(chunks.isScarce).toBe(false);
  });

  test('a client that reads nothing is not read from either, once enough waits for it', () => {
    const lines = parsedLines(`x-long: ${'x'.repeat(40_000)}\r\n`);
    const peer = started((stream, session) => session.respond(stream, 200, NO_LINES, lines, -1, NO_LINES));
    peer.sink.isTaking = false;
    for (let id = 1; id < 17 && peer.sink.isReading; id += 2) peer.send(headers(id, GET));
    expect(peer.sink.isReading).toBe(false);
    peer.sink.isTaking = true;
    peer.session.onDrain();
    expect(peer.sink.isReading).toBe(true);
  });
});

describe('streams that are over', () => {
  test('are for all sessions of the worker, and keep none of them alive', () => {
    const peer = clientOf();
    peer.send(START, headers(1, GET), headers(3, GET));
    peer.send(ping());
    const spare = peer.shared.clientStreams;
    expect(spare.length).toBe(2);
    expect(spare.map(({ home, handler }) => [home === peer.session, handler])).toEqual([
      [false, undefined],
      [false, undefined],
    ]);
    peer.send(headers(5, GET));
    peer.send(ping());
    expect(spare.length).toBe(2);
    expect(peer.take()).toContain('data 5 "ok" end');
  });
});

describe('RFC 9218: the order of DATA', () => {
  const priority = (id: number, value: string): Buffer => headers(id, [...GET, ['priority', value]]);
  const update = (id: number, value: string): Buffer =>
    frame(FRAME.priorityUpdate, 0, 0, Buffer.concat([word(id), Buffer.from(value)]));

  /** What leaves, in which order, when the window of the connection opens. */
  function order(...send: readonly Buffer[]): string[] {
    const peer = started(answerWith(20_000));
    peer.send(headers(101, GET), headers(103, GET), headers(105, GET), headers(107, GET));
    expect(dataOf(peer.take()).at(-1)).toBe('107:5535');
    peer.send(reset(107, 8), ...send);
    peer.send(windowUpdate(0, 1_000_000));
    return dataOf(peer.take());
  }

  test('the more urgent first', () => {
    expect(order(priority(109, 'u=5'), priority(111, 'u=0'), priority(113, ''))).toEqual([
      '111:20000',
      '113:20000',
      '109:20000',
    ]);
  });

  test('equals that are of use as a whole in the order in which they were asked for', () => {
    expect(order(priority(109, 'u=3'), priority(111, ''), priority(113, 'u=3, i=?0'))).toEqual([
      '109:20000',
      '111:20000',
      '113:20000',
    ]);
  });

  test('equals that are of use piece by piece in turns', () => {
    expect(order(priority(109, 'i'), priority(111, 'i'), priority(113, 'u=3,i'))).toEqual([
      '109:16384',
      '111:16384',
      '113:16384',
      '109:3616',
      '111:3616',
      '113:3616',
    ]);
  });

  test('what waits is given another place by PRIORITY_UPDATE', () => {
    expect(order(priority(109, ''), priority(111, ''), update(111, 'u=1'))).toEqual([
      '111:20000',
      '109:20000',
    ]);
  });

  test('PRIORITY_UPDATE may come before its stream', () => {
    expect(order(update(111, 'u=1'), priority(109, ''), priority(111, 'u=7'))).toEqual([
      '111:20000',
      '109:20000',
    ]);
  });

  for (const value of ['u=9', 'u=-1', 'u', 'x=1', '"u"=1', 'u=1.5', ';;;', 'u=?1', 'u=1'.repeat(200)]) {
    test(`${JSON.stringify(value.slice(0, 10))} counts for nothing`, () => {
      expect(order(priority(109, 'u=2'), priority(111, value))).toEqual(['109:20000', '111:20000']);
    });
  }

  test('PRIORITY_UPDATE of stream 0 is an error', () => {
    const peer = started(hold);
    peer.send(update(0, 'u=1'));
    expect(peer.take()).toEqual(['goaway 0 protocolError', 'end']);
  });

  test('priorities of streams that never come are bounded', () => {
    const peer = started(hold);
    for (let id = 1; id < 400; id += 2) peer.send(update(id, 'u=1'));
    expect(peer.session.isOver).toBe(false);
  });
});

describe('6.8: shutdown', () => {
  test('asks first, serves what is on its way, names the last stream, and ends behind it', () => {
    const streams: Stream[] = [];
    const peer = started((stream) => streams.push(stream));
    peer.send(headers(1, GET));
    peer.session.shutdown();
    peer.turn();
    expect(peer.take()).toEqual(['goaway 2147483647 noError', 'ping']);
    peer.send(headers(3, GET), frame(FRAME.ping, 1, 0, Buffer.alloc(8)));
    expect(peer.take()).toEqual(['goaway 3 noError']);
    peer.send(headers(5, GET));
    expect(peer.events).toEqual(['head 1 GET /', 'head 3 GET /']);
    for (const stream of streams) answer(stream, peer.session);
    peer.turn();
    expect(peer.take().at(-1)).toBe('end');
    expect(peer.session.isOver).toBe(true);
  });

  test('a client that says nothing to it is not waited for', () => {
    const peer = started(hold);
    peer.session.shutdown();
    peer.wait(1200);
    expect(peer.take()).toEqual(['goaway 2147483647 noError', 'ping', 'goaway 0 noError', 'end']);
  });

  test('comes by itself when a connection has served enough', () => {
    const peer = clientOf(answer, { times: { keepAliveRequests: 2 } });
    peer.send(START, headers(1, GET));
    expect(peer.take().join()).not.toContain('goaway');
    peer.send(headers(3, GET));
    expect(peer.take()[0]).toBe('goaway 2147483647 noError');
  });
});

describe('times', () => {
  test('an idle connection ends with GOAWAY', () => {
    const peer = clientOf(answer);
    peer.send(START, headers(1, GET));
    peer.take();
    peer.wait(19_000);
    expect(peer.take()).toEqual([]);
    peer.wait(3_000);
    expect(peer.take()).toEqual(['goaway 1 noError', 'end']);
  });

  test('one with a stream does not', () => {
    const peer = started(hold);
    peer.send(headers(1, GET));
    peer.wait(60_000);
    expect(peer.take()).toEqual([]);
  });

  test('a block that does not end', () => {
    const peer = started(hold);
    peer.send(headers(1, GET), frame(FRAME.headers, 0, 3, block(GET)));
    for (let i = 0; i < 20; i++) peer.send(frame(FRAME.continuation, 0, 3, 'x')).wait(1_000);
    expect(peer.take().at(-1)).toBe('end');
    expect(peer.errors).toEqual(['enhanceYourCalm header-block']);
  });

  test('a frame that does not end', () => {
    const peer = started(hold);
    peer.send(headers(1, GET), headers(3, GET).subarray(0, 12));
    for (let i = 0; i < 20; i++) peer.wait(1_000);
    expect(peer.errors).toEqual(['enhanceYourCalm header-block']);
  });

  test('many frames that are cut by reads, and end, are no matter', () => {
    const peer = started(hold);
    peer.send(headers(1, GET), ping().subarray(0, 12));
    for (let i = 0; i < 60; i++) {
      peer.send(Buffer.concat([ping().subarray(12), ping().subarray(0, 12)]));
      peer.wait(500);
    }
    expect(peer.session.isOver).toBe(false);
  });

  test('a body that stops', () => {
    const peer = started(read);
    peer.send(headers(1, POST, 4), data(1, 'x'));
    peer.wait(9_000);
    expect(peer.events).not.toContain('late 1');
    peer.wait(3_000);
    expect(peer.events).toContain('late 1');
    expect(peer.errors[0]).toBe('slow-body');
  });

  test('a body that nobody reads is not late', () => {
    const peer = started(hold);
    peer.send(headers(1, POST, 4), data(1, 'x'));
    peer.wait(60_000);
    expect(peer.events).not.toContain('late 1');
  });

  test('a body that trickles', () => {
    const peer = clientOf(read, { times: { minBodyBytesPerSecond: 100 } });
    peer.send(START, headers(1, POST, 4));
    for (let i = 0; i < 12; i++) peer.send(data(1, 'x')).wait(1_000);
    expect(peer.events).toContain('late 1');
  });

  test('a reader that does not read', () => {
    const peer = started(answerWith(100_000));
    peer.send(headers(1, GET));
    peer.take();
    for (let i = 0; i < 12; i++) peer.send(ping()).wait(1_000);
    expect(peer.take()).toContain('reset 1 cancel');
    expect(peer.errors).toEqual(['slow-reader']);
  });

  test('a client that takes nothing of what is complete and waits for it', () => {
    const peer = started(answerWith(100_000), WIDE);
    peer.sink.isTaking = false;
    peer.send(headers(1, GET));
    peer.wait(9_000);
    expect(peer.errors).toEqual([]);
    peer.session.onDrain();
    peer.send(headers(3, GET));
    peer.wait(9_000);
    expect(peer.errors).toEqual([]);
    peer.wait(3_000);
    expect(peer.errors).toEqual(['slow-reader']);
    expect(peer.sink.isEnded).toBe(true);
  });

  test('a reader that reads a little now and then', () => {
    const peer = started(answerWith(100_000), Buffer.concat([START, windowUpdate(0, 100_000)]));
    peer.send(headers(1, GET));
    for (let i = 0; i < 30; i++) peer.send(windowUpdate(1, 1)).wait(1_000);
    expect(peer.errors).toEqual([]);
  });
});

describe('floods', () => {
  for (const { name, kind, bytes, onHead = hold } of [
    {
      name: 'rapid reset',
      kind: 'reset',
      bytes: (i: number) => [headers(i * 2 + 1, GET), reset(i * 2 + 1, 8)],
    },
    {
      name: 'RST_STREAM of nothing',
      kind: 'reset',
      bytes: (i: number) => [i === 0 ? headers(1, GET) : reset(1, 8)],
    },
    { name: 'streams beyond the limit', kind: 'reset', bytes: (i: number) => [headers(i * 2 + 1, GET)] },
    { name: 'PING', kind: 'ping', bytes: () => [ping()] },
    { name: 'SETTINGS', kind: 'settings', bytes: () => [settings([SETTING.initialWindowSize, 1])] },
    { name: 'PRIORITY', kind: 'priority', bytes: () => [frame(FRAME.priority, 0, 1, Buffer.alloc(5))] },
    {
      name: 'PRIORITY_UPDATE',
      kind: 'priority',
      bytes: () => [frame(FRAME.priorityUpdate, 0, 0, '\0\0\0\x01u=1')],
    },
    { name: 'WINDOW_UPDATE', kind: 'window-update', bytes: () => [windowUpdate(0, 1)] },
    {
      name: 'empty DATA',
      kind: 'empty-frame',
      bytes: (i: number) => [i === 0 ? headers(1, POST, 4) : data(1, '')],
    },
    {
      name: 'padding alone',
      kind: 'empty-frame',
      bytes: (i: number) => [i === 0 ? headers(1, POST, 4) : frame(FRAME.data, 8, 1, '\x01\0')],
      onHead: read,
    },
    { name: 'frames of unknown types', kind: 'unknown-frame', bytes: () => [frame(0x42, 0, 0)] },
    {
      name: 'CONTINUATION without end',
      kind: 'header-block',
      bytes: (i: number) => [
        i === 0 ? frame(FRAME.headers, 0, 1, block(GET)) : frame(FRAME.continuation, 0, 1, 'x'),
      ],
    },
    {
      name: 'empty CONTINUATION',
      kind: 'header-block',
      bytes: (i: number) => [
        i === 0 ? frame(FRAME.headers, 0, 1, block(GET)) : frame(FRAME.continuation, 0, 1),
      ],
    },
    {
      name: 'a header list without end',
      kind: 'header-block',
      bytes: (i: number) => [
        i === 0 ? frame(FRAME.headers, 0, 1) : frame(FRAME.continuation, 0, 1, 'x'.repeat(16_000)),
      ],
    },
    {
      name: 'malformed requests',
      kind: 'stream-error',
      bytes: (i: number) => [headers(i * 2 + 1, [['x', '1']])],
    },
    {
      name: 'resets that it makes us send',
      kind: 'stream-error',
      bytes: (i: number) => [headers(i * 2 + 1, GET), windowUpdate(i * 2 + 1, 0)],
    },
  ] as const) {
    test(`${name} ends the connection, and is counted`, () => {
      const peer = started(onHead);
      let i = 0;
      for (; i < 10_000 && !peer.session.isOver; i++) peer.send(...bytes(i));
      expect(
        peer
          .take()
          .filter((line) => /^(goaway|end)/.test(line))
          .map((line) => line.replace(/ \d+ /, ' ')),
      ).toEqual(['goaway enhanceYourCalm', 'end']);
      expect(peer.errors).toEqual([`enhanceYourCalm ${kind}`]);
      expect(i).toBeLessThan(2_500);
    });
  }

  for (const { name, bytes } of [
    { name: 'PING at its pace', bytes: () => [ping()] },
    { name: 'streams that are answered', bytes: (i: number) => [headers(i * 2 + 1, GET)] },
    {
      name: 'a client that changes its mind now and then',
      bytes: (i: number) => [headers(i * 2 + 1, GET), reset(i * 2 + 1, 8)],
    },
    { name: 'SETTINGS now and then', bytes: (i: number) => [i % 10 === 0 ? settings() : ping()] },
  ] as const) {
    test(`${name} does not`, () => {
      const peer = clientOf(answer, { times: { keepAliveRequests: Infinity } });
      peer.send(START);
      for (let i = 0; i < 2_000; i++) {
        peer.send(...bytes(i));
        peer.clock.nowMs += 50;
      }
      expect(peer.session.isOver).toBe(false);
    });
  }

  for (const { octets, isOver } of [
    { octets: 2_000, isOver: false },
    { octets: 10, isOver: true },
  ]) {
    test(`windows of ${octets} octets ${isOver ? 'make work of nothing' : 'are no flood'}`, () => {
      const start = Buffer.concat([
        PREFACE,
        settings([SETTING.initialWindowSize, octets]),
        windowUpdate(0, 0x7fff_0000),
      ]);
      const peer = started(answerWith(octets * 6_000), start);
      peer.send(headers(1, GET));
      for (let i = 0; i < 5_000; i++) peer.send(windowUpdate(1, octets));
      expect(peer.session.isOver).toBe(isOver);
    });
  }

  test('a small block that stands for much is refused, and takes no memory', () => {
    const peer = started(hold);
    const bomb = Buffer.concat([
      Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 'x'),
      Buffer.alloc(12_000, 0xbe),
    ]);
    peer.send(frame(FRAME.headers, 5, 1, Buffer.concat([block(GET), bomb])));
    expect(peer.events).toEqual(['head 1 GET /header_too_large']);
    expect(peer.session.streams.get(1)!.fields.count).toBeLessThan(20);
  });

  test('more fields than there may be', () => {
    const peer = started(hold);
    peer.send(headers(1, [...GET, ...Array.from({ length: 101 }, (_, i) => [`x-${i}`, ''] as const)]));
    expect(peer.events).toEqual(['head 1 GET /header_too_large']);
  });
});
