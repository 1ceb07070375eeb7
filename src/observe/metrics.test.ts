import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  ATTEMPT,
  CONSTANT,
  LABELS,
  linesOf,
  recordOf,
  registryOf,
  textOf,
  workerOf,
} from '../../test/fixtures/metrics.ts';
import { createWorkerMetrics } from './metrics-arena.ts';
import { DEFAULT_METRICS_OPTIONS } from './metrics-layout.ts';
import type { MetricsOptions } from './metrics-layout.ts';
import { toGoFloat } from './metrics-text.ts';
import type { MetricsRegistry } from './metrics.ts';

async function valueOf(
  registry: MetricsRegistry,
  name: string,
  ...parts: string[]
): Promise<number | undefined> {
  const lines = (await linesOf(registry, `${name}{`)).filter((line) =>
    parts.every((part) => line.includes(part)),
  );
  expect(lines.length).toBeLessThan(2);
  return lines[0] === undefined ? undefined : Number(lines[0].slice(lines[0].lastIndexOf(' ') + 1));
}

describe('traffic', () => {
  test('one exchange, as ingress-nginx labels it', async () => {
    const registry = registryOf();
    workerOf(registry, 0).routeSeries(LABELS, 'lab-ccan-80').observe(recordOf());
    const labels = `canary="lab-ccan-80",${CONSTANT},host="a.test",ingress="web",method="GET",namespace="lab",path="/p",service="cmain",status="200"`;
    expect(await linesOf(registry, 'requests')).toEqual([`nginx_ingress_controller_requests{${labels}} 1`]);
    const durations = await linesOf(registry, 'request_duration_seconds');
    expect(
      durations.map((line) => [/le="([^"]*)"/.exec(line)?.[1], line.slice(line.lastIndexOf(' ') + 1)]),
    ).toEqual([
      ...['0.005', '0.01', '0.025'].map((le) => [le, '0']),
      ...['0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf'].map((le) => [le, '1']),
      [undefined, '0.03'],
      [undefined, '1'],
    ]);
    expect(durations.at(-1)).toBe(`nginx_ingress_controller_request_duration_seconds_count{${labels}} 1`);
    expect(await valueOf(registry, 'connect_duration_seconds_bucket', 'le="0.005"')).toBe(1);
    expect(await valueOf(registry, 'header_duration_seconds_bucket', 'le="0.01"')).toBe(1);
    expect(await valueOf(registry, 'response_duration_seconds_sum')).toBe(0.03);
    expect(await valueOf(registry, 'request_size_bucket', 'le="90"')).toBe(0);
    expect(await valueOf(registry, 'request_size_bucket', 'le="100"')).toBe(1);
    expect(await valueOf(registry, 'response_size_bucket', 'le="100"')).toBe(0);
    expect(await valueOf(registry, 'response_size_sum')).toBe(1234);
    expect(await valueOf(registry, 'bytes_sent_bucket', 'le="1e+06"')).toBe(1);
    expect(await valueOf(registry, 'bytes_sent_bucket', 'le="1000"')).toBe(0);
  });

  test('a bound belongs to its bucket', async () => {
    const registry = registryOf();
    const series = workerOf(registry, 0).routeSeries(LABELS, '');
    series.observe(recordOf({ durationMs: 5, requestLength: 10, bytesSent: 10_000_001 }));
    series.observe(recordOf({ durationMs: 60_000, requestLength: 10 }));
    expect(await valueOf(registry, 'request_duration_seconds_bucket', 'le="0.005"')).toBe(1);
    expect(await valueOf(registry, 'request_duration_seconds_bucket', 'le="10"')).toBe(1);
    expect(await valueOf(registry, 'request_duration_seconds_bucket', 'le="+Inf"')).toBe(2);
    expect(await valueOf(registry, 'request_size_bucket', 'le="10"')).toBe(2);
    expect(await valueOf(registry, 'bytes_sent_bucket', 'le="1e+07"')).toBe(1);
  });

  test('upstream times are not observed without a try, with several, or where they were not reached', async () => {
    const registry = registryOf();
    const series = workerOf(registry, 0).routeSeries(LABELS, '');
    series.observe(recordOf({ attempts: [] }));
    series.observe(recordOf({ attempts: [ATTEMPT, ATTEMPT] }));
    expect(await linesOf(registry, 'header_duration_seconds')).toEqual([]);
    series.observe(recordOf({ attempts: [{ ...ATTEMPT, headerMs: -1, responseMs: 2 }] }));
    expect(await linesOf(registry, 'header_duration_seconds')).toEqual([]);
    expect(await valueOf(registry, 'response_duration_seconds_count')).toBe(1);
    expect(await valueOf(registry, 'request_duration_seconds_count')).toBe(3);
  });

  test('a series for each method and status; methods nobody knows share one', async () => {
    const registry = registryOf();
    const series = workerOf(registry, 0).routeSeries(LABELS, '');
    for (const method of ['GET', 'POST', 'DELETE', 'FOO', 'BAR']) series.observe(recordOf({ method }));
    series.observe(recordOf({ status: 499 }));
    series.observe(recordOf({ status: 0 }));
    series.observe(recordOf({ status: 999 }));
    series.observe(recordOf({ status: 1000 }));
    const seen = (await linesOf(registry, 'requests')).map((line) =>
      [/method="(\w+)"/, /status="(\d+)"/, / (\d+)$/].map((part) => part.exec(line)![1]).join(' '),
    );
    expect(seen).toEqual([
      'GET 200 1',
      'POST 200 1',
      'DELETE 200 1',
      'OTHER 200 2',
      'GET 499 1',
      'GET 999 1',
    ]);
  });

  test('empty labels are written empty, and texts escaped', async () => {
    const registry = registryOf();
    const empty = { namespace: '', ingress: '', service: '', servicePort: '', path: '', host: '_' };
    workerOf(registry, 0).routeSeries(empty, '').observe(recordOf());
    workerOf(registry, 1)
      .routeSeries({ ...empty, path: '/"a"\\' }, '')
      .observe(recordOf());
    const lines = await linesOf(registry, 'requests');
    expect(lines[0]).toContain('canary="",');
    expect(lines[0]).toContain('service="",status="200"');
    expect(lines[1]).toContain('path="/\\"a\\"\\\\"');
  });

  test('options: no host label, status classes, other buckets', async () => {
    const traffic: MetricsOptions = {
      timeBuckets: [1],
      lengthBuckets: [1000],
      sizeBuckets: [1e9],
      isHostCounted: false,
      areStatusClassesReported: true,
    };
    const registry = registryOf({ traffic });
    const metrics = workerOf(registry, 0);
    metrics.routeSeries(LABELS, '').observe(recordOf({ status: 200 }));
    metrics.routeSeries({ ...LABELS, host: 'b.test' }, '').observe(recordOf({ status: 204 }));
    const [line, ...more] = await linesOf(registry, 'requests');
    expect(more).toEqual([]);
    expect(line).toMatch(/status="2xx"} 2$/);
    expect(line).not.toContain('host=');
    expect(await valueOf(registry, 'bytes_sent_bucket', 'le="1e+09"')).toBe(2);
    expect((await linesOf(registry, 'request_size_bucket')).length).toBe(2);
  });

  test('the same route of the next table goes on counting', async () => {
    const registry = registryOf();
    const metrics = workerOf(registry, 0);
    metrics.routeSeries(LABELS, '').observe(recordOf());
    expect(metrics.routeSeries({ ...LABELS }, '')).toBe(metrics.routeSeries(LABELS, ''));
    metrics.routeSeries({ ...LABELS }, '').observe(recordOf());
    expect(await valueOf(registry, 'requests')).toBe(2);
  });

  test('workers are summed, and what a dead one counted is kept', async () => {
    const registry = registryOf();
    const [first, second] = [workerOf(registry, 0), workerOf(registry, 1)];
    first.routeSeries(LABELS, '').observe(recordOf());
    second.routeSeries(LABELS, '').observe(recordOf());
    for (const { connections } of [first, second]) {
      connections.accepted();
      connections.waiting(1);
    }
    expect(await valueOf(registry, 'requests')).toBe(2);
    const replaced = workerOf(registry, 0);
    expect(await valueOf(registry, 'requests')).toBe(2);
    replaced.routeSeries(LABELS, '').observe(recordOf());
    expect(await valueOf(registry, 'requests')).toBe(3);
    expect(await valueOf(registry, 'request_duration_seconds_count')).toBe(3);
    expect(await valueOf(registry, 'nginx_process_connections_total', 'accepted')).toBe(2);
    expect(await valueOf(registry, 'nginx_process_connections', 'waiting')).toBe(1);
  });

  test('series of Ingresses that are gone are reported no more', async () => {
    const registry = registryOf();
    const metrics = workerOf(registry, 0);
    metrics.routeSeries(LABELS, '').observe(recordOf());
    metrics.routeSeries({ ...LABELS, ingress: 'other' }, '').observe(recordOf());
    registry.retainIngresses(new Set(['lab/other']));
    const lines = await linesOf(registry, 'requests');
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('ingress="other"');
  });

  test('series of an Ingress that is gone leave their room to others, and one that comes back begins at 0', async () => {
    const registry = registryOf();
    const buffer = registry.bufferFor(0);
    const lengthBefore = buffer.byteLength;
    const worker = createWorkerMetrics(
      buffer,
      (slot, labels) => registry.addSeries(0, slot, labels),
      (slots) => registry.removeSeries(0, slots),
    );
    const web = worker.routeSeries(LABELS, '');
    for (let round = 0; round < 500; round++) {
      const labels = { ...LABELS, ingress: `preview-${round}` };
      worker.routeSeries(labels, '').observe(recordOf());
      web.observe(recordOf());
      registry.retainIngresses(new Set(['lab/web']));
      worker.retain(new Set(['lab/web']));
    }
    expect(buffer.byteLength).toBe(lengthBefore);
    expect(await linesOf(registry, 'requests')).toHaveLength(1);
    expect(await valueOf(registry, 'requests', 'ingress="web"')).toBe(500);
    const late = worker.routeSeries(LABELS, '');
    worker.retain(new Set());
    late.observe(recordOf());
    registry.retainIngresses(new Set());
    expect(await linesOf(registry, 'requests')).toHaveLength(0);
    registry.retainIngresses(new Set(['lab/web']));
    worker.routeSeries(LABELS, '').observe(recordOf());
    expect(await valueOf(registry, 'requests', 'ingress="web"')).toBe(1);
  });

  test('the buffer grows with the series', async () => {
    const registry = registryOf();
    const metrics = workerOf(registry, 0);
    for (let i = 0; i < 500; i++) {
      metrics.routeSeries({ ...LABELS, path: `/${i}` }, '').observe(recordOf({ bytesSent: i }));
    }
    for (let i = 0; i < 500; i++) metrics.routeSeries({ ...LABELS, path: `/${i}` }, '').observe(recordOf());
    const lines = await linesOf(registry, 'requests');
    expect(lines.length).toBe(500);
    expect(lines.every((line) => line.endsWith(' 2'))).toBe(true);
    expect(await valueOf(registry, 'bytes_sent_sum', 'path="/499"')).toBe(499 + 1234);
  });

  test('a worker thread counts in the buffer it was given', async () => {
    const registry = registryOf();
    const source = `
      const { parentPort, workerData } = await import('node:worker_threads');
      const { createWorkerMetrics } = await import(workerData.module);
      const post = (slot, labels) => parentPort.postMessage({ slot, labels });
      const metrics = createWorkerMetrics(workerData.buffer, post);
      const record = { method: 'GET', status: 200, durationMs: 1, requestLength: 1, bytesSent: 1, attempts: [] };
      for (let i = 0; i < 200; i++) {
        metrics.routeSeries({ ...workerData.labels, path: '/' + i }, '').observe(record);
      }`;
    const module = new URL('./metrics-arena.ts', import.meta.url).href;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { buffer: registry.bufferFor(3), labels: LABELS, module },
    });
    worker.on('message', ({ slot, labels }: { slot: number; labels: string[] }) =>
      registry.addSeries(3, slot, labels),
    );
    await new Promise((resolve, reject) => {
      worker.once('exit', resolve);
      worker.once('error', reject);
    });
    expect((await linesOf(registry, 'requests')).length).toBe(200);
  });
});

describe('connections', () => {
  test('gauges and totals', async () => {
    const registry = registryOf();
    const { connections } = workerOf(registry, 0);
    for (let i = 0; i < 3; i++) connections.accepted();
    connections.closed();
    connections.reading(1);
    connections.reading(-1);
    connections.requested();
    connections.writing(1);
    connections.waiting(1);
    const value = (state: string): Promise<number | undefined> =>
      valueOf(registry, 'nginx_process_connections', `state="${state}"`);
    expect(await Promise.all(['active', 'reading', 'writing', 'waiting'].map(value))).toEqual([2, 0, 1, 1]);
    expect(await valueOf(registry, 'nginx_process_connections_total', 'handled')).toBe(3);
    expect(await valueOf(registry, 'nginx_process_requests_total')).toBe(1);
    expect(await valueOf(registry, 'nginx_process_num_procs')).toBe(2);
    expect(await valueOf(registry, 'nginx_process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await valueOf(registry, 'nginx_process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  test('what HTTP/2 connections were ended for, by side and cause, over the lives of a worker', async () => {
    const registry = registryOf();
    const { http2 } = workerOf(registry, 0);
    http2.ended('reset', 'client');
    http2.ended('malformed', 'client');
    http2.ended('reset', 'upstream');
    workerOf(registry, 0).http2.ended('reset', 'upstream');
    const lines = (await textOf(registry)).split('\n').filter((line) => /http2_ended.* [1-9]/.test(line));
    expect(lines.map((line) => line.replace(`${CONSTANT},`, ''))).toEqual([
      'serin_http2_ended_total{side="client",cause="reset"} 1',
      'serin_http2_ended_total{side="client",cause="malformed"} 1',
      'serin_http2_ended_total{side="upstream",cause="reset"} 2',
    ]);
  });

  test('scraping twice counts nothing twice', async () => {
    const registry = registryOf();
    workerOf(registry, 0).connections.accepted();
    await textOf(registry);
    expect(await valueOf(registry, 'nginx_process_connections_total', 'accepted')).toBe(1);
  });

  test('without --enable-metrics there is nothing but the process as such', async () => {
    const registry = registryOf({ areReported: false, isRuntimeReported: true });
    workerOf(registry, 0).routeSeries(LABELS, '').observe(recordOf());
    const text = await textOf(registry);
    expect(text).not.toContain('nginx_ingress_controller_');
    expect(text).not.toContain('serin_');
    expect(text).toContain('process_resident_memory_bytes');
  });
});

describe('control plane', () => {
  test('reloads', async () => {
    const registry = registryOf();
    expect(await linesOf(registry, 'errors')).toEqual([]);
    registry.control.configApplied();
    registry.control.setConfigHash(1234);
    expect(await linesOf(registry, 'config')).toEqual([
      `nginx_ingress_controller_config_hash{${CONSTANT}} 1234`,
      `nginx_ingress_controller_config_last_reload_successful{${CONSTANT}} 1`,
      `nginx_ingress_controller_config_last_reload_successful_timestamp_seconds{${CONSTANT}} 1700000000`,
    ]);
    registry.control.configRejected();
    expect(await linesOf(registry, 'errors')).toEqual([`nginx_ingress_controller_errors{${CONSTANT}} 1`]);
    expect(await linesOf(registry, 'success')).toEqual([`nginx_ingress_controller_success{${CONSTANT}} 1`]);
    expect(await valueOf(registry, 'config_last_reload_successful')).toBe(0);
  });

  test('build, leader, orphans, webhook', async () => {
    const registry = registryOf();
    expect(await linesOf(registry, 'build_info')).toEqual([
      `nginx_ingress_controller_build_info{${CONSTANT},release="0.1.0",build="abc",repository="https://example.test/serin"} 1`,
    ]);
    registry.control.setLeader('ingress-nginx-leader', true);
    expect(await valueOf(registry, 'leader_election_status', 'name="ingress-nginx-leader"')).toBe(1);
    registry.control.setOrphans([
      { namespace: 'lab', ingress: 'a', type: 'no-service', isOrphan: true },
      { namespace: 'lab', ingress: 'a', type: 'no-endpoint', isOrphan: false },
    ]);
    expect(await valueOf(registry, 'orphan_ingress', 'type="no-service"')).toBe(1);
    expect(await valueOf(registry, 'orphan_ingress', 'type="no-endpoint"')).toBe(0);
    registry.control.setOrphans([]);
    expect(await linesOf(registry, 'orphan_ingress')).toEqual([]);
    registry.control.admissionChecked('lab', 'a', true);
    registry.control.admissionChecked('lab', 'b', false);
    expect(await valueOf(registry, 'check_success', 'ingress="a"')).toBe(1);
    expect(await valueOf(registry, 'check_errors', 'ingress="b"')).toBe(1);
    expect(await linesOf(registry, 'admission')).toEqual([]);
    registry.control.setAdmission({
      testedIngresses: 1,
      testedSeconds: 0.1,
      renderedIngresses: 2,
      renderSeconds: 0.2,
      configBytes: 3,
      roundtripSeconds: 0.3,
    });
    expect((await linesOf(registry, 'admission')).length).toBe(6);
  });

  test('stuck and replaced workers', async () => {
    const registry = registryOf();
    const read = async () =>
      (await textOf(registry)).split('\n').filter((line) => /^serin_.*workers/.test(line));
    expect(await read()).toEqual([
      `serin_stuck_workers{${CONSTANT}} 0`,
      `serin_replaced_workers_total{${CONSTANT}} 0`,
    ]);
    registry.control.setStuckWorkers(2);
    registry.control.workerReplaced();
    expect(await read()).toEqual([
      `serin_stuck_workers{${CONSTANT}} 2`,
      `serin_replaced_workers_total{${CONSTANT}} 1`,
    ]);
  });

  test('the end of the certificate that the webhook shows; without a webhook there is no line', async () => {
    const registry = registryOf();
    const read = async () =>
      (await textOf(registry)).split('\n').filter((line) => line.startsWith('serin_webhook'));
    expect(await read()).toEqual([]);
    registry.control.setWebhookCertificate(Date.UTC(2027, 0, 1) + 999);
    expect(await read()).toEqual([`serin_webhook_certificate_expire_time_seconds{${CONSTANT}} 1798761600`]);
  });

  test('findings by reason and severity; a reason that has gone stays as a zero', async () => {
    const registry = registryOf();
    registry.control.setFindings('PathConflict', 'warning', 2);
    registry.control.setFindings('MissingSecret', 'error', 1);
    registry.control.setFindings('PathConflict', 'warning', 0);
    const lines = (await textOf(registry)).split('\n').filter((line) => line.startsWith('serin_findings'));
    expect(lines).toEqual([
      `serin_findings{${CONSTANT},reason="PathConflict",severity="warning"} 0`,
      `serin_findings{${CONSTANT},reason="MissingSecret",severity="error"} 1`,
    ]);
  });

  test('certificates carry no controller labels and go with the leadership', async () => {
    const registry = registryOf();
    const certificate = {
      host: 'a.test',
      namespace: 'lab',
      secretName: 'tls',
      identifier: '-1234',
      expiresAtMs: 1_800_000_000_999,
      issuerOrganization: 'Acme Co',
      issuerCommonName: 'CA',
      serialNumber: '1234',
      publicKeyAlgorithm: 'RSA',
    };
    registry.control.setCertificates([certificate, { ...certificate, host: '_' }]);
    const labels =
      'class="k8s.io/ingress-nginx",host="a.test",identifier="-1234",namespace="lab",secret_name="tls"';
    expect((await linesOf(registry, 'ssl_expire_time_seconds'))[0]).toBe(
      `nginx_ingress_controller_ssl_expire_time_seconds{${labels}} 1800000000`,
    );
    expect((await linesOf(registry, 'ssl_certificate_info'))[0]).toBe(
      `nginx_ingress_controller_ssl_certificate_info{${labels},issuer_common_name="CA",issuer_organization="Acme Co",public_key_algorithm="RSA",serial_number="1234"} 1`,
    );
    registry.control.setCertificates([]);
    expect(await linesOf(registry, 'ssl_')).toEqual([]);
  });

  test('the runtime is reported when asked for', async () => {
    const registry = registryOf({ isRuntimeReported: true });
    const { contentType } = await registry.exposition();
    expect(contentType).toContain('text/plain');
    const text = await textOf(registry);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toContain('nodejs_heap_size_used_bytes');
  });
});

test('bounds are written as Go does', () => {
  const { timeBuckets, lengthBuckets, sizeBuckets } = DEFAULT_METRICS_OPTIONS;
  expect(timeBuckets.map(toGoFloat).join(' ')).toBe('0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10');
  expect(lengthBuckets.map(toGoFloat).join(' ')).toBe('10 20 30 40 50 60 70 80 90 100');
  expect(sizeBuckets.map(toGoFloat).join(' ')).toBe('10 100 1000 10000 100000 1e+06 1e+07');
  expect([0.00001, 1_234_567, 123_456, 0].map(toGoFloat)).toEqual(['1e-05', '1.234567e+06', '123456', '0']);
});
