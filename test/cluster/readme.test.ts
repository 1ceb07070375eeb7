import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { kubectl, KUBECONFIG, manifest } from './cluster.ts';
import { canRunContainers } from './node/container.ts';
import { openPage, type Page } from './page.ts';
import { startSite, type Site } from './site.ts';

const IS_POSSIBLE = KUBECONFIG !== undefined && canRunContainers();

describe.skipIf(!IS_POSSIBLE)(
  'README.md (skipped without KUBECONFIG, or where Pods can have no network)',
  () => {
    let site: Site;
    let page: Page;

    beforeAll(async () => {
      site = await startSite();
      page = openPage('README.md');
    });
    afterEach(async ({ task }) => {
      const logs = await site.logs();
      if (task.result?.state === 'fail') console.log(logs);
    });
    afterAll(async () => {
      await kubectl(['delete', '-k', manifest('examples/walkthrough'), '--ignore-not-found']);
      page?.close();
      await site?.close();
    });

    test('from nothing to a served Ingress, by the commands that stand there', async () => {
      await site.clear();
      await page.run('install');
      const answer = await page.run('ask');
      expect(answer).toMatch(/^HOSTNAME=10\.244\.\d+\.\d+ GET \/web$/m);
      expect(answer).toMatch(/Normal +Sync/);
    });
  },
);
