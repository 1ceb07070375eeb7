import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Timers } from '../../lib/timer-wheel.ts';
import { createCoding } from './coding.ts';
import { CompressingStage } from './compressing-stage.ts';
import { CompressorRoom } from './compressor-room.ts';

/* Where bodies are held. What is sent when is test/protocol/engine/compression.test.ts's. */

const gzip = createCoding({ name: 'gzip', level: 1, minLength: 0, types: [] });

function rig() {
  const deps = { timers: new Timers(), compressors: new CompressorRoom() };
  return {
    deps,
    /** A stage, and what becomes of its body. */
    stage(declaredBytes: number) {
      const sent: { body: string | undefined } = { body: undefined };
      const stage = new CompressingStage(
        gzip,
        declaredBytes,
        {
          write: () => true,
          ready: () => {},
          end: (last) => (sent.body = gunzipSync(last!).toString()),
          fail: (fault) => {
            throw fault;
          },
        },
        deps,
      );
      const write = (text: string) => stage.write(Buffer.from(`(${text})`), 1, text.length + 1);
      return { stage, sent, write };
    },
  };
}

test('bodies that come at the same time are kept apart', () => {
  const { stage, deps } = rig();
  const [first, second, third] = [stage(6), stage(6), stage(-1)];
  first.write('one');
  second.write('two');
  first.stage.flush();
  third.write('three');
  second.write('TWO');
  first.write('ONE');
  for (const each of [second, third, first]) each.stage.end();
  expect([first.sent.body, second.sent.body, third.sent.body]).toEqual(['oneONE', 'twoTWO', 'three']);
  expect(deps.compressors.lendPlace()).toBeDefined();
});

test('what was held of a body that is given up makes room', () => {
  const { stage, deps } = rig();
  const first = stage(6);
  first.write('one');
  expect(deps.compressors.lendPlace()).toBeUndefined();
  first.stage.close();
  expect(deps.compressors.lendPlace()).toBeDefined();
});
