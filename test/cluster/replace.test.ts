import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually, getJson, kubectl, KUBECONFIG } from './cluster.ts';
import { canRunContainers } from './node/container.ts';
import { NAMESPACE, NGINX, SERIN, startSite, type Site } from './site.ts';

const IS_POSSIBLE = KUBECONFIG !== undefined && canRunContainers();

/** The ways of docs/replace-ingress-nginx.md, by the page's own commands; a controller is a process with the arguments and the rights of its Pod. */
describe.skipIf(!IS_POSSIBLE)(
  'replacing ingress-nginx (skipped without KUBECONFIG, or where Pods can have no network)',
  () => {
    let site: Site;
    const run = (block: string) => site.page.run(block);

    beforeAll(async () => {
      site = await startSite();
    });
    afterEach(async ({ task }) => {
      const logs = await site.logs();
      if (task.result?.state === 'fail') console.log(logs);
    });
    afterAll(() => site?.close());

    test('1. the image of the Deployment is changed, and back', async () => {
      const address = await site.installIngressNginx();
      await run('before');
      site.watch(address);
      await run('image');
      await site.leads('ingress-nginx-leader', SERIN);
      await site.webhookJudges();
      await run('image-back');
      await site.leads('ingress-nginx-leader', NGINX);
      await site.nobodyNoticed(address);
    });

    test('2. Serin serves the same Ingresses beside ingress-nginx, and its Services are handed over, and back', async () => {
      const address = await site.installIngressNginx();
      await run('before');
      site.watch(address);
      await run('beside');
      const own = await getJson('service', 'serin-ingress-nginx-controller', '-n', NAMESPACE);
      expect(await site.get(own.spec.clusterIP)).toBe(200);
      await run('hand-over');
      await site.webhookJudges();
      await run('hand-over-back');
      await site.webhookJudges();
      await run('hand-over');
      await run('leave');
      await site.leads('serin-leader', SERIN);
      await eventually('the end of ingress-nginx', async () => {
        const ofIt = ['-l', 'app.kubernetes.io/instance=ingress-nginx'];
        const { items } = await getJson('pods', '-n', NAMESPACE, ...ofIt);
        return items.length === 0 ? true : undefined;
      });
      await site.webhookJudges();
      await run('leave-back');
      await run('beside-back');
      await site.leads('ingress-nginx-leader', NGINX);
      await site.webhookJudges();
      await site.nobodyNoticed(address);
    });

    test('2. an Ingress moves to another class, and back', async () => {
      const address = await site.installIngressNginx();
      site.watch(address);
      await run('class');
      await run('class-move');
      const own = await site.addressOf('serin-ingress-nginx-controller');
      await site.statusIs('web-serin', own);
      expect(await site.get(own)).toBe(200);
      await run('class-back');
      await site.nobodyNoticed(address);
    });

    test('3. a fresh install serves an Ingress, and goes without a trace', async () => {
      await site.clear();
      await run('fresh');
      const address = await site.serve();
      await site.webhookJudges();
      expect(await site.get(address)).toBe(200);
      await run('fresh-back');
      await site.statusIs('web', '');
      await site.statusIs('web', '');
      await expect(kubectl(['get', 'namespace', NAMESPACE])).rejects.toThrow('NotFound');
    });

    test('3. the manifests are applied over a running ingress-nginx, and its own over them', async () => {
      const address = await site.installIngressNginx();
      const webhook = async () =>
        (await getJson('validatingwebhookconfiguration', 'ingress-nginx-admission')).webhooks[0];
      const { caBundle } = (await webhook()).clientConfig;
      await run('before');
      site.watch(address);
      await run('keep-addresses');
      await run('job');
      await run('over');
      await site.leads('ingress-nginx-leader', SERIN);
      expect((await getJson('deployment', 'ingress-nginx-controller', '-n', NAMESPACE)).spec.replicas).toBe(
        2,
      );
      expect(await webhook()).toMatchObject({ failurePolicy: 'Fail', clientConfig: { caBundle } });
      await site.webhookJudges();
      await run('over-back');
      await site.leads('ingress-nginx-leader', NGINX);
      await site.nobodyNoticed(address);
    });
  },
);
