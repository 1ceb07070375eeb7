import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { startFakeApi } from '../fakes/api-server.ts';
import { ingressOf } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'serin-worker-processes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const settings = (workers: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'a', name: 'settings' },
  data: { 'worker-processes': workers },
});

const LATER =
  /data\.worker-processes: "1" asks for 1, and there are 3 workers; it takes effect at the next start/;

async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<SerinProcess> {
  const serin = await startSerin([...args, '--configmap=a/settings', '--post-shutdown-grace-period=0'], env);
  onTestFinished(async () => void (await serin.stop()));
  return serin;
}

test('of manifests counts at start; a later change is a finding', async () => {
  const write = (workers: string) =>
    writeFileSync(join(folder, 'settings.yaml'), stringify(settings(workers)));
  write('3');
  writeFileSync(join(folder, 'ingress.yaml'), stringify(ingressOf('x', 'x.test', '/')));
  const serin = await start(['serve', folder]);
  await serin.waitFor(/Serin is ready and serves .*workers=3/);
  write('1');
  await serin.waitFor(LATER);
});

test('of a cluster counts at start; a later change is an Event on the ConfigMap', async () => {
  const api = await startFakeApi();
  onTestFinished(() => api.stop());
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig());
  api.apply(settings('3'));
  const serin = await start(['controller', '--update-status=false'], {
    KUBECONFIG: kubeconfig,
    POD_NAME: 'serin-0',
    POD_NAMESPACE: 'a',
  });
  await serin.waitFor(/Serin is ready and serves .*workers=3/);
  api.apply(settings('1'));
  const event = await api.until(() =>
    api.events('ConfigMap', 'a', 'settings').find(({ reason }) => reason === 'SettingNotInForce'),
  );
  expect(event['message']).toMatch(LATER);
});
