import { isClosedAddress, isInnerAddress } from '../controller/dns/closed-addresses.ts';
import { createRelatedIngresses } from '../controller/admission/related.ts';
import { createReview } from '../controller/admission/review.ts';
import { loadApiAccess } from '../controller/kube/config.ts';
import { createKubeClient, isKubeError, type KubeClient } from '../controller/kube/client.ts';
import { SERVICES } from '../controller/kube/resources.ts';
import { lookUpObjects } from '../controller/kube/look-up.ts';
import { createCluster, type Cluster } from '../controller/kube/cluster.ts';
import { createSystemTiming } from '../controller/kube/timing.ts';
import { zoneOfPod } from '../controller/kube/zone.ts';
import { createDefaultCertificate } from '../controller/certificates/default-certificate.ts';
import { createObjectStore } from '../controller/store/object-store.ts';
import { WORKER_KEY } from '../controller/settings/worker-processes.ts';
import type { ObjectRef } from '../controller/store/object-store.ts';
import type { ControlLog } from '../observe/log.ts';
import { features } from '../features/registry.ts';
import { UsageError, type FlagReader, type Invocation } from './args.ts';
import { createMetrics } from './create-metrics.ts';
import { runFleet } from './run-fleet.ts';
import { waitForSignal } from './signals.ts';
import { loopbackOf, readRenewalOptions, startWebhookOf } from './start-webhook.ts';
import { readRef, toTranslateOptions } from './translate-options.ts';
import { versionOf } from './version.ts';

/** Leases are counted in whole seconds. */
const ELECTION_TTL_MIN_SECONDS = 1;

/** `serin controller`: the Ingresses of a cluster. In a Pod it needs POD_NAME and POD_NAMESPACE, as ingress-nginx does. */
export async function controller({ flags }: Invocation, log: ControlLog, entry: URL): Promise<number> {
  const pod = readPod(flags, process.env);
  if (pod === undefined) {
    log.warn('POD_NAME and POD_NAMESPACE are not set: no Ingress status, no Events and no Lease are written');
  }
  if (flags.string('watch-namespace') !== '' && flags.string('watch-namespace-selector') !== '') {
    throw new UsageError('--watch-namespace and --watch-namespace-selector exclude each other', 2);
  }
  if (flags.string('publish-service') !== '' && flags.string('publish-status-address') !== '') {
    throw new UsageError('--publish-service and --publish-status-address exclude each other', 2);
  }
  const renewal = readRenewalOptions(flags, pod);
  const stopRequest = waitForSignal((signal) => {
    log.warn({ signal }, 'asked once more: Serin ends at once');
    process.exit(1);
  });
  const access = await loadApiAccess(
    {
      kubeconfig: flags.string('kubeconfig'),
      apiserverHost: flags.string('apiserver-host'),
      certificateAuthority: flags.string('certificate-authority'),
    },
    process.env,
  );
  log.info({ server: access.server }, 'the API server');
  const userAgent = `serin/${versionOf(entry)}`;
  const client = createKubeClient({ access, userAgent });
  // What reviews ask outlives what is followed: the API server sends some until it knows that this Pod goes.
  const reviewing = createKubeClient({ access, userAgent });
  for (const flag of ['default-backend-service', 'publish-service'])
    await requireService(flag, flags, client, log);
  const store = createObjectStore();
  const options = {
    ...toTranslateOptions(flags, false, await createDefaultCertificate(Date.now())),
    zone: await findZone(flags, pod, client, log),
  };
  const workerProcesses = await readWorkerProcesses(flags, options.configMap, client, log);
  const metrics = createMetrics(flags, log, entry, { namespace: pod?.namespace ?? '', pod: pod?.name ?? '' });
  const electionId = flags.string('election-id');
  const ttl = flags.number('election-ttl');
  const ttlSeconds = ttl > 0 ? Math.max(ttl, ELECTION_TTL_MIN_SECONDS) : 30;
  let cluster: Cluster | undefined;
  const webhook = await startWebhookOf({
    flags,
    renewal,
    client: reviewing,
    log,
    metrics: metrics.control,
    createReview() {
      const related = createRelatedIngresses(options.annotationsPrefix);
      store.watchIngresses(related.changed);
      return createReview({
        options,
        features,
        present: () => store.present(),
        related,
        lookUp: (wanted) => lookUpObjects(reviewing, wanted),
        nowMs: () => performance.timeOrigin + performance.now(),
      });
    },
  });
  const running = runFleet(
    flags,
    options,
    {
      log,
      entry,
      store,
      metrics,
      workerProcesses,
      isLeader: () => cluster?.isLeader() ?? false,
      isAddressClosed: isClosedAddress,
      isResponderClosed: isInnerAddress,
      createSource(changed) {
        cluster = createCluster({
          setFindingCount: metrics.control.setFindings,
          client,
          store,
          log,
          timing: createSystemTiming(),
          changed,
          leadChanged(isLeader) {
            metrics.control.setLeader(electionId, isLeader);
          },
          options: {
            pod,
            watchNamespace: flags.string('watch-namespace'),
            watchNamespaceSelector: flags.string('watch-namespace-selector'),
            electionId,
            electionTtlMs: ttlSeconds * 1_000,
            isElectionDisabled: flags.boolean('disable-leader-election'),
            isStatusUpdated: flags.boolean('update-status'),
            isStatusTakenBack: flags.boolean('update-status-on-shutdown'),
            statusIntervalMs: Math.max(flags.number('status-update-interval'), 5) * 1_000,
            publishService: readRef(flags, 'publish-service'),
            publishStatusAddress: flags.string('publish-status-address'),
            isInternalAddressReported: flags.boolean('report-node-internal-ip-address'),
            webhook: webhook && renewal && { renewal, ownAddress: loopbackOf(webhook), port: webhook.port },
            areSyncEventsOn: !flags.boolean('disable-sync-events'),
            configMaps: [options.configMap, options.tcpServices, options.udpServices].filter(
              (ref) => ref !== undefined,
            ),
          },
        });
        return cluster.source;
      },
      observer: {
        built: ({ findings }) => cluster?.built(findings),
        applied(built) {
          cluster?.applied(built.served);
        },
        rejected: (message) => cluster?.rejected(message),
        ready: () => cluster?.start(),
        stopping: async (withinMs) => {
          webhook?.leave();
          await cluster?.stop(withinMs);
        },
      },
    },
    stopRequest,
  );
  try {
    return await running;
  } finally {
    // A start that failed holds nothing that would keep the process: it is to end, and to be started anew.
    await webhook?.close();
    await Promise.all([client.close(), reviewing.close()]);
  }
}

/** The controller's own Pod; undefined for a process outside a cluster that was not told one. Throws UsageError in a Pod. */
function readPod(flags: FlagReader, env: NodeJS.ProcessEnv): ObjectRef | undefined {
  const pod = { namespace: env['POD_NAMESPACE'] ?? '', name: env['POD_NAME'] ?? '' };
  if (pod.namespace !== '' && pod.name !== '') return pod;
  const isInPod = (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && flags.string('kubeconfig') === '';
  if (!isInPod) return undefined;
  throw new UsageError(
    'serin controller: the environment variables POD_NAME and POD_NAMESPACE are needed in a Pod',
    2,
  );
}

/** A Service that a flag names must exist at start, as with ingress-nginx; throws UsageError when the API server says it does not. */
async function findZone(
  flags: FlagReader,
  pod: ObjectRef | undefined,
  client: KubeClient,
  log: ControlLog,
): Promise<string | undefined> {
  if (!flags.boolean('enable-topology-aware-routing')) return undefined;
  const consequence = '--enable-topology-aware-routing: the endpoints of all zones are used';
  try {
    const zone = pod && (await zoneOfPod(pod, client));
    if (zone === undefined) log.warn(`${consequence}: no zone of the own node is known`);
    else log.info({ zone }, 'endpoints hinted for this zone are preferred');
    return zone;
  } catch (error) {
    log.warn({ error }, consequence);
    return undefined;
  }
}

/** Text of worker-processes, which is needed before anything is watched; undefined: there is none, or the API server does not say. */
async function readWorkerProcesses(
  flags: FlagReader,
  ref: ObjectRef | undefined,
  client: KubeClient,
  log: ControlLog,
): Promise<string | undefined> {
  if (ref === undefined || flags.number('workers') > 0) return undefined;
  try {
    const { configMaps } = await lookUpObjects(client, { secrets: [], configMaps: [ref] });
    return configMaps[0]?.data.get(WORKER_KEY);
  } catch (error) {
    log.warn({ error }, 'worker-processes of the ConfigMap cannot be looked up now: it counts as auto');
    return undefined;
  }
}

async function requireService(
  flag: string,
  flags: FlagReader,
  client: KubeClient,
  log: ControlLog,
): Promise<void> {
  const ref = readRef(flags, flag);
  if (ref === undefined) return;
  try {
    await client.get(SERVICES, ref);
  } catch (error) {
    if (isKubeError(error, 404)) {
      throw new UsageError(
        `--${flag}: no service with name ${ref.name} found in namespace ${ref.namespace}`,
        1,
      );
    }
    log.warn({ error, flag }, 'the Service that a flag names cannot be looked up now');
  }
}
