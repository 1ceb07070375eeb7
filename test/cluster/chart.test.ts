import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHART, HELM } from '../fixtures/helm.ts';
import { eventually, getJson, kubectl, KUBECONFIG } from './cluster.ts';
import { INGRESS_NGINX_CHART } from './ingress-nginx.ts';
import { canRunContainers } from './node/container.ts';
import { NAMESPACE, NGINX, SERIN, startSite, type Site } from './site.ts';

const IS_POSSIBLE = KUBECONFIG !== undefined && HELM !== undefined && canRunContainers();
const RELEASE = ['ingress-nginx', '--namespace', NAMESPACE];

/** Runs helm beside what this process does for the cluster, and waits until what it changes has come true. */
const helm = (args: readonly string[]) =>
  promisify(execFile)(HELM!, [...args, '--wait', '--timeout', '2m'], { encoding: 'utf8' });

/** The chart on a real API server: its hooks run, as processes with the rights of their Jobs' account, and helm waits for them. */
describe.skipIf(!IS_POSSIBLE)(
  'the chart (skipped without KUBECONFIG or helm, or where Pods can have no network)',
  () => {
    let site: Site;
    const run = (block: string) => site.page.run(block);
    const deployment = () => getJson('deployment', 'ingress-nginx-controller', '-n', NAMESPACE);
    const authority = async () =>
      (await getJson('validatingwebhookconfiguration', 'ingress-nginx-admission')).webhooks[0].clientConfig
        .caBundle;

    beforeAll(async () => {
      site = await startSite();
    });
    afterEach(async ({ task }) => {
      const logs = await site.logs();
      if (task.result?.state === 'fail') console.log(logs);
      await site.clear();
    });
    afterAll(() => site?.close());

    test('it is installed, upgraded, rolled back and uninstalled, and serves all the while', async () => {
      await run('helm');
      const address = await site.serve();
      const made = await authority();
      await site.webhookJudges();
      expect(await kubectl(['get', 'job', '-n', NAMESPACE, '-o', 'name'])).toBe('');
      await helm(['upgrade', ...RELEASE, CHART, '--set', 'controller.replicaCount=2']);
      site.watch(address);
      await helm([
        'upgrade',
        ...RELEASE,
        CHART,
        '--reuse-values',
        '--set',
        'controller.config.hsts=false',
        '--set',
        'controller.podAnnotations.a=b',
      ]);
      expect((await deployment()).spec).toMatchObject({
        replicas: 2,
        template: { metadata: { annotations: { a: 'b' } } },
      });
      expect((await getJson('configmap', 'ingress-nginx-controller', '-n', NAMESPACE)).data).toEqual({
        hsts: 'false',
      });
      expect(await authority()).toBe(made);
      await site.webhookJudges();
      await helm(['rollback', ...RELEASE, '2']);
      const { spec } = await deployment();
      expect([spec.replicas, spec.template.metadata.annotations]).toEqual([2, undefined]);
      expect(await authority()).toBe(made);
      await site.leads('ingress-nginx-leader', SERIN);
      await site.webhookJudges();
      await site.nobodyNoticed(address);
      await run('helm-upgrade');
      await run('helm-back');
      await site.statusIs('web', '');
      await eventually('an end of all objects', async () => {
        const kinds = 'all,role,rolebinding,configmap,serviceaccount,job';
        const left = await kubectl(['get', kinds, '-n', NAMESPACE, '-o', 'name']);
        return left.includes('ingress-nginx') ? undefined : true;
      });
      await expect(authority()).rejects.toThrow('NotFound');
    });

    test.skipIf(INGRESS_NGINX_CHART === undefined)(
      "a release of ingress-nginx's own chart becomes one of Serin's, and goes back (skipped without INGRESS_NGINX)",
      async () => {
        const values = ['--set', 'controller.replicaCount=2,controller.config.use-gzip=true'];
        await helm(['install', ...RELEASE, INGRESS_NGINX_CHART!, '--create-namespace', ...values]);
        const address = await site.serve();
        site.watch(address);
        await run('keep-addresses');
        await run('helm-over');
        await site.leads('ingress-nginx-leader', SERIN);
        expect((await deployment()).spec.replicas).toBe(2);
        await site.webhookJudges();
        await run('helm-over-back');
        await site.leads('ingress-nginx-leader', NGINX);
        await site.webhookJudges();
        await site.nobodyNoticed(address);
      },
    );
  },
);
