import { createAccess } from '../admin/access.ts';
import { startAdminServer } from '../admin/server.ts';
import { createViews } from '../admin/views.ts';
import { openTokenFile, type TokenFile } from '../admin/token-file.ts';
import { createFleet, type FleetDeps, type FleetOptions } from '../controller/fleet.ts';
import { countWorkers } from '../controller/settings/worker-processes.ts';
import type { TranslateOptions } from '../controller/translate/options.ts';
import type { Listener } from '../model/ports.ts';
import type { ControlLog } from '../observe/log.ts';
import { UsageError, type FlagReader } from './args.ts';
import { geoEditionsOf } from './geo-options.ts';
import { onReopenRequest, waitForFault } from './signals.ts';
import { createBodyRoom } from './body-room.ts';
import { workersForQuota } from './cpu-quota.ts';
import { undefinedHostsOf } from './metrics-options.ts';

/** What serve and controller differ in. */
export interface FleetParts extends Omit<FleetDeps, 'options'> {
  /** Text of worker-processes in the ConfigMap at start. */
  readonly workerProcesses: string | undefined;
}

/** Asks a running Serin to end; resolves with the signal. */
export type StopRequest = Promise<string>;

/** Runs Serin, and its health port, until it is asked to stop or can go on no longer; gives the exit code. Rejects when it cannot start. */
export async function runFleet(
  flags: FlagReader,
  translation: TranslateOptions,
  parts: FleetParts,
  stopRequest: StopRequest,
): Promise<number> {
  const { log } = parts;
  const tokenFile = openAdminToken(flags, log);
  const fleet = createFleet({ ...parts, options: toFleetOptions(flags, translation, parts) });
  onReopenRequest(() => {
    log.info('the files of the access logs are opened anew');
    fleet.reopenLogs();
  });
  const admin = await startAdminServer(
    {
      checks: [
        { name: 'ping', failure: () => undefined },
        { name: 'nginx-ingress-controller', failure: () => fleet.problem() },
      ],
      healthPath: flags.string('health-check-path'),
      metrics: () => fleet.metrics(),
      views: createViews(fleet),
      access: createAccess(() => tokenFile?.token()),
      failed: (error) => log.warn({ error }, 'an answer on the health port failed'),
    },
    flags.string('healthz-host'),
    flags.number('healthz-port'),
  ).catch(async (error: unknown) => {
    await fleet.terminate();
    tokenFile?.close();
    throw error;
  });
  log.info({ name: 'health', address: admin.address, port: admin.port }, 'listening');
  const fault = waitForFault((error) =>
    log.error({ error }, 'nobody caught this: Serin ends in order, to be started anew'),
  );
  const request = Promise.race([stopRequest, fault]);
  const outcome = await Promise.race([fleet.start().then(() => request), request]).catch(
    async (error: unknown) => {
      await Promise.all([fleet.terminate(), admin.close()]);
      tokenFile?.close();
      throw error;
    },
  );
  log.info({ signal: outcome }, 'Serin stops');
  await fleet.stop();
  await sleep(flags.number('post-shutdown-grace-period') * 1_000);
  await admin.close();
  tokenFile?.close();
  return outcome === 'uncaughtException' ? 1 : 0;
}

/** Throws UsageError where the file that is named holds no token. */
function openAdminToken(flags: FlagReader, log: ControlLog): TokenFile | undefined {
  const path = flags.string('admin-token-file');
  if (path === '') return undefined;
  try {
    return openTokenFile(path, (error) =>
      log.warn({ error }, '--admin-token-file cannot be read: /api/ is answered on loopback only'),
    );
  } catch (error) {
    throw new UsageError(`--admin-token-file: ${(error as Error).message}`, 2);
  }
}

function toFleetOptions(
  flags: FlagReader,
  translation: TranslateOptions,
  { workerProcesses, log }: FleetParts,
): FleetOptions {
  const workers = countWorkers(flags.number('workers'), workerProcesses, workersForQuota());
  const workerCount = workers.running;
  return {
    workerCount,
    bodies: createBodyRoom(flags, workerCount, log),
    areRequestsCounted: flags.boolean('enable-metrics'),
    settings: {
      httpsPort: flags.number('https-port'),
      healthPath: flags.string('health-check-path'),
      undefinedHosts: undefinedHostsOf(flags),
      workers,
      geoEditions: geoEditionsOf(flags),
    },
    areChainsCompleted: flags.boolean('enable-ssl-chain-completion'),
    geoDirectory: flags.string('geoip-directory'),
    translation: { ...translation, listeners: listenersOf(flags) },
    graceMs: flags.number('shutdown-grace-period') * 1_000,
  };
}

function listenersOf(flags: FlagReader): readonly Listener[] {
  const host = flags.string('listen') || '::';
  return [
    { kind: 'http', name: 'http', host, port: flags.number('http-port') },
    {
      kind: flags.boolean('enable-ssl-passthrough') ? 'passthrough' : 'https',
      name: 'https',
      host,
      port: flags.number('https-port'),
    },
  ];
}

function sleep(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
