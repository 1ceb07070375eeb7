import { createKubeClient } from '../controller/kube/client.ts';
import { loadApiAccess } from '../controller/kube/config.ts';
import { ensureWebhookCertificate, setWebhookAuthority } from '../controller/kube/webhook-setup.ts';
import type { ControlLog } from '../observe/log.ts';
import { UsageError, type Invocation } from './args.ts';
import { versionOf } from './version.ts';

/**
 * `serin certgen`: what kube-webhook-certgen's two Jobs do. Makes the webhook's certificate where there is none that will do,
 * and writes its CA into the ValidatingWebhookConfiguration. Run again it changes nothing.
 */
export async function certgen({ flags }: Invocation, log: ControlLog, entry: URL): Promise<number> {
  const policy = flags.string('patch-failure-policy');
  if (policy !== '' && policy !== 'Fail' && policy !== 'Ignore') {
    throw new UsageError(`--patch-failure-policy: "${policy}" is neither Fail nor Ignore`, 2);
  }
  const access = await loadApiAccess(
    {
      kubeconfig: flags.string('kubeconfig'),
      apiserverHost: flags.string('apiserver-host'),
      certificateAuthority: flags.string('certificate-authority'),
    },
    process.env,
  );
  const client = createKubeClient({ access, userAgent: `serin/${versionOf(entry)}` });
  try {
    const secret = { namespace: flags.string('namespace'), name: flags.string('secret-name') };
    const about = { secret: `${secret.namespace}/${secret.name}` };
    const names = flags.list('host');
    const webhook = flags.string('webhook-name');
    const announce = async (authorities: string) => {
      if (webhook !== '') await setWebhookAuthority(client, webhook, authorities, policy);
    };
    const wish = { client, secret, names, nowMs: Date.now(), announce };
    const { ca, madeBecause } = await ensureWebhookCertificate(wish);
    if (madeBecause === undefined) log.info(about, "the webhook's certificate will do and stays");
    else log.info({ ...about, reason: madeBecause }, "the webhook's certificate was made");
    if (webhook === '') return 0;
    await announce(ca);
    log.info({ webhook }, 'the API server knows the CA of the webhook');
    return 0;
  } finally {
    await client.close();
  }
}
