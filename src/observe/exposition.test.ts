import { describe, expect, test } from 'vitest';
import { LABELS, linesOf, recordOf, registryOf, workerOf } from '../../test/fixtures/metrics.ts';
import type { MetricsRegistry } from './metrics.ts';
import { PIECE_BYTES, PIECE_STEPS, PieceWriter } from './pieces.ts';

describe('a scrape at scale', () => {
  const SERIES = 25_600;

  function fullRegistry(): MetricsRegistry {
    const registry = registryOf();
    const metrics = workerOf(registry, 0);
    for (let i = 0; i < SERIES; i++) {
      const labels = { ...LABELS, path: `/orders/${i}/é`, ingress: `web-${i % 100}` };
      metrics.routeSeries(labels, '').observe(recordOf());
    }
    return registry;
  }

  test(
    '25,600 series come in pieces, each of little work and little memory',
    { timeout: 120_000 },
    async () => {
      const registry = fullRegistry();
      const { pieces } = await registry.exposition();
      const buffers = new Set<ArrayBufferLike>();
      let longest = 0;
      let bytes = 0;
      let requests = 0;
      let samples = 0;
      for (const piece of pieces) {
        buffers.add(piece.buffer);
        longest = Math.max(longest, piece.length);
        bytes += piece.length;
        if (bytes < 16_000_000)
          requests +=
            Buffer.from(piece)
              .toString()
              .match(/_requests\{/g)?.length ?? 0;
        for (let at = 0; (at = piece.indexOf(0x0a, at) + 1) > 0;) samples++;
      }
      expect(requests).toBe(SERIES);
      // 93 lines a series: more text than one string may hold.
      expect(samples).toBeGreaterThan(SERIES * 93);
      expect(bytes).toBeGreaterThan(600_000_000);
      // A piece is full, and the lines of one metric of one series.
      expect(longest).toBeLessThan(PIECE_BYTES + 16_384);
      expect([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(1_000_000);
    },
  );

  test('series that are not reported are passed over in pieces, too', async () => {
    const registry = fullRegistry();
    registry.retainIngresses(new Set());
    const { pieces } = await registry.exposition();
    let count = 0;
    for (const piece of pieces) {
      expect(Buffer.from(piece).includes('_requests{')).toBe(false);
      count++;
    }
    expect(count).toBeGreaterThan((8 * SERIES) / PIECE_STEPS - 1);
  });

  test('a label of any length is written whole', async () => {
    const registry = registryOf();
    const path = `/${'é'.repeat(40_000)}`;
    workerOf(registry, 0)
      .routeSeries({ ...LABELS, path }, '')
      .observe(recordOf());
    const lines = await linesOf(registry, 'bytes_sent_bucket');
    expect(lines.map((line) => line.includes(`,path="${path}",`))).toEqual(
      Array.from({ length: 8 }, () => true),
    );
  });

  test('what was asked for first is done first, one step a piece', async () => {
    const registry = registryOf();
    const steps: number[] = [];
    function* before() {
      for (let step = 0; step < 3; step++) {
        steps.push(step);
        yield;
      }
      registry.control.setOrphans([{ namespace: 'lab', ingress: 'a', type: 'no-service', isOrphan: true }]);
    }
    const { pieces } = await registry.exposition(before());
    const lengths: number[] = [];
    let text = '';
    for (const piece of pieces) {
      lengths.push(piece.length);
      text += Buffer.from(piece).toString();
    }
    expect(steps).toEqual([0, 1, 2]);
    expect(lengths.slice(0, 3)).toEqual([0, 0, 0]);
    expect(text).toContain('orphan_ingress{');
  });
});

test('metrics that are excluded are not written', async () => {
  const registry = registryOf({ excluded: new Set(['requests', 'bytes_sent']) });
  workerOf(registry, 0).routeSeries(LABELS, '').observe(recordOf());
  expect(await linesOf(registry, 'requests')).toEqual([]);
  expect(await linesOf(registry, 'bytes_sent')).toEqual([]);
  expect((await linesOf(registry, 'request_size_count')).length).toBe(1);
});

test('counts are written whole, however large', () => {
  for (const value of [0, 9, 10, 999_999_999, 1_000_000_000, 2 ** 40]) {
    const out = new PieceWriter();
    out.countLine(value);
    expect(Buffer.from(out.take()).toString()).toBe(`${value}\n`);
  }
});

test('what the webhook checked is counted for so many Ingresses', async () => {
  const registry = registryOf();
  for (let i = 0; i < 10_050; i++) registry.control.admissionChecked('lab', `web-${i}`, true);
  const lines = await linesOf(registry, 'check_success');
  expect(lines.length).toBe(10_000);
  expect(lines.at(-1)).toContain('ingress="web-10049"');
});
