import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the suite's cluster is; undefined: the suite is skipped. */
export const KUBECONFIG = process.env['KUBECONFIG'];

const MANIFESTS = fileURLToPath(new URL('../../manifests', import.meta.url));

/** Path of a folder under manifests/. */
export const manifest = (name: string): string => join(MANIFESTS, name);

/** Runs kubectl and gives its standard output; rejects with its standard error. */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'kubectl',
      [...args],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
      (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(`kubectl ${args.join(' ')}: ${err || error.message}`));
      },
    );
    child.stdin!.end(input ?? '');
  });
}

/** Applies objects given as values. */
export async function apply(...objects: object[]): Promise<void> {
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

export async function getJson<T = any>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T;
}

/** Asks again and again, every `everyMs`, until the answer is not undefined; rejects after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  timeoutMs = 30_000,
  everyMs = 50,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(
    `${what} did not come true in ${timeoutMs} ms${last === undefined ? '' : `: ${String(last)}`}`,
  );
}

/**
 * Applies the bare-metal overlay and writes a kubeconfig of its ServiceAccount, so that what the controller may do is what the
 * manifests grant. Gives the kubeconfig's path and the name of a Pod of the Deployment (simulated: no container runs).
 */
export async function installController(): Promise<{
  kubeconfig: string;
  podName: string;
  remove: () => void;
}> {
  await kubectl(['apply', '-k', manifest('overlays/baremetal')]);
  // Its server would be in a container, and none runs; swap.test.ts is about it.
  await kubectl(['delete', 'validatingwebhookconfiguration', 'ingress-nginx-admission']);
  const podName = await eventually('a Pod of the controller', async () => {
    const pods = await getJson('pods', '-n', 'ingress-nginx', '-l', 'app.kubernetes.io/component=controller');
    return pods.items.find((pod: any) => pod.status?.podIP !== undefined)?.metadata.name as
      | string
      | undefined;
  });
  const token = (
    await kubectl(['create', 'token', 'ingress-nginx', '-n', 'ingress-nginx', '--duration=2h'])
  ).trim();
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
  const folder = mkdtempSync(join(tmpdir(), 'serin-cluster-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const account = { ...config, users: [{ name: config.users[0].name, user: { token } }] };
  writeFileSync(kubeconfig, JSON.stringify(account), { mode: 0o600 });
  return { kubeconfig, podName, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A kube-apiserver that this machine runs for the test, to be hung, ended and started again. */
export interface ApiServerProcess {
  hang(): void;
  resume(): void;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
}

/** The API server's process, where its id is kept beside the kubeconfig; undefined for a cluster of somebody else's. */
export function apiServerProcess(): ApiServerProcess | undefined {
  const pidFile = join(dirname(KUBECONFIG ?? ''), 'pid', 'kube-apiserver');
  if (!existsSync(pidFile)) return undefined;
  const pid = () => Number(readFileSync(pidFile, 'utf8'));
  let command: string[] = [];
  return {
    hang: () => process.kill(pid(), 'SIGSTOP'),
    resume: () => process.kill(pid(), 'SIGCONT'),
    async kill() {
      const id = pid();
      command = readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').slice(0, -1);
      process.kill(id, 'SIGKILL');
      await eventually('the end of the API server', async () => (isRunning(id) ? undefined : true));
    },
    async startAgain() {
      const child = spawn(command[0]!, command.slice(1), { stdio: 'ignore', detached: true });
      child.unref();
      writeFileSync(pidFile, String(child.pid));
      await eventually('the API server', () => kubectl(['get', '--raw', '/readyz']), 60_000);
    },
  };
}

/** Whether a process lives; one that ended and waits to be reaped does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
