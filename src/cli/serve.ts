import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createDefaultCertificate } from '../controller/certificates/default-certificate.ts';
import { createFileSource } from '../controller/files/file-source.ts';
import { readManifest } from '../controller/files/read-manifest.ts';
import { scanFiles } from '../controller/files/scan-files.ts';
import { createFindingReport } from '../controller/report/finding-report.ts';
import { WORKER_KEY } from '../controller/settings/worker-processes.ts';
import { createObjectStore, type ObjectRef } from '../controller/store/object-store.ts';
import { objectKey } from '../controller/store/objects.ts';
import { createOwnership } from '../controller/store/ownership.ts';
import type { Finding } from '../model/finding.ts';
import type { ControlLog } from '../observe/log.ts';
import { UsageError, type FlagReader, type Invocation } from './args.ts';
import { startExample, type Example } from './example/example.ts';
import { createMetrics } from './create-metrics.ts';
import { runFleet } from './run-fleet.ts';
import { waitForSignal } from './signals.ts';
import { toTranslateOptions } from './translate-options.ts';

const UNSERVED =
  'no Ingress is served, since none has a class of Serin’s: name in spec.ingressClassName an IngressClass whose controller is that of ' +
  '--controller-class, and have it among the manifests, or serve those without a class by --watch-ingress-without-class';

/** `serin serve`: manifest files, without a cluster. */
export async function serve({ flags, rest }: Invocation, log: ControlLog, entry: URL): Promise<number> {
  const paths = [...flags.list('manifests'), ...rest];
  const isExample = flags.boolean('example');
  if (paths.length === 0 && !isExample) {
    throw new UsageError('serin serve: name manifest files or folders, or use --example', 2);
  }
  for (const path of paths) await requirePath(path);
  const stopRequest = waitForSignal((signal) => {
    log.warn({ signal }, 'asked once more: Serin ends at once');
    process.exit(1);
  });
  const store = createObjectStore();
  const options = toTranslateOptions(flags, true, await createDefaultCertificate(Date.now()));
  const metrics = createMetrics(flags, log, entry, { namespace: 'default', pod: 'serin' });
  const example: Example | undefined = isExample
    ? await startExample(fileURLToPath(new URL('../manifests/examples/walkthrough', entry)))
    : undefined;
  const report = createFindingReport({ log, setCount: metrics.control.setFindings });
  let fileFindings: readonly Finding[] = [];
  let translated: readonly Finding[] = [];
  const tell = () => report.report([...fileFindings, ...translated]);
  let isUnservedTold = false;
  const tellUnserved = () => {
    const snapshot = store.snapshot();
    const { ingresses } = snapshot;
    const ownershipOf = createOwnership(snapshot, options);
    const isUnserved = ingresses.length > 0 && ingresses.every((one) => ownershipOf(one) !== 'ours');
    if (isUnserved && !isUnservedTold) log.warn({ ingresses: ingresses.length }, UNSERVED);
    isUnservedTold = isUnserved;
  };
  try {
    return await runFleet(
      flags,
      options,
      {
        log,
        entry,
        store,
        metrics,
        workerProcesses: await readWorkerProcesses(flags, options.configMap, paths),
        isLeader: () => true,
        createSource: (changed) =>
          createFileSource({
            paths: [...paths, ...(example?.paths ?? [])],
            store,
            changed,
            findingsChanged(findings) {
              fileFindings = findings;
              tell();
            },
            nowMs: () => performance.now(),
          }),
        observer: {
          built({ findings }) {
            translated = findings;
            tell();
            tellUnserved();
          },
          applied: () => undefined,
          rejected: () => undefined,
          ready(ports) {
            if (example !== undefined) {
              process.stdout.write(example.commands(ports.get('http') ?? 0, ports.get('https') ?? 0));
            }
          },
          stopping: async () => undefined,
        },
      },
      stopRequest,
    );
  } finally {
    await example?.stop();
  }
}

/** Text of worker-processes, which is needed before anything is served; undefined: there is none. */
async function readWorkerProcesses(
  flags: FlagReader,
  ref: ObjectRef | undefined,
  paths: readonly string[],
): Promise<string | undefined> {
  if (ref === undefined || flags.number('workers') > 0) return undefined;
  const { files } = await scanFiles(paths);
  for (const { path, order } of files) {
    const parsed = await readManifest(createReadStream(path), path, order);
    for (const { object } of parsed.ok ? parsed.objects : []) {
      if (object.kind === 'ConfigMap' && objectKey(object) === objectKey(ref))
        return object.data.get(WORKER_KEY);
    }
  }
  return undefined;
}

/** A path that is named must be there at start, as a mistyped one would serve nothing in silence. Throws UsageError. */
async function requirePath(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new UsageError(`serin serve: "${path}" ${problem}`, 2);
  }
}
