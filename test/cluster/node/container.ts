import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Where a Pod finds the rest of the world: the machine's end of its pair of network devices. */
const GATEWAY = '169.254.1.1';
const GRACE_MS = 30_000;

export interface ContainerSpec {
  /** The Pod's. */
  readonly address: string;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Folders of this machine, and where the container has them. What covers others comes last. */
  readonly mounts: readonly (readonly [folder: string, at: string])[];
}

/** A container without an image: a program of this machine, in the network of its Pod and with the Pod's volumes where they are mounted. */
export interface Container {
  readonly exited: Promise<number | null>;
  isRunning(): boolean;
  /** Standard output and standard error so far. */
  output(): string;
  /** SIGTERM, and SIGKILL where that does not end it. */
  terminate(): void;
}

// What has no folder to mount at gets one in memory, before anything is mounted below it: nothing is written to the machine's own file system.
const SCRIPT = `set -eu
echo namespaces
read -r _
ip link set lo up
ip address add "$1/32" dev eth0
ip link set eth0 up
ip route add ${GATEWAY} dev eth0 scope link
ip route add default via ${GATEWAY}
mounts=$2
shift 2
covered=' '
i=0
for word; do
  i=$((i + 1))
  [ $i -le $((2 * mounts)) ] || break
  [ $((i % 2)) = 0 ] || continue
  parent=$word
  until [ -d "$parent" ]; do parent=$(dirname "$parent"); done
  case " $word $covered" in
    *" $parent "*) ;;
    *) mount -t tmpfs tmpfs "$parent"; covered="$covered$parent " ;;
  esac
done
for _ in $(seq "$mounts"); do
  mkdir -p "$2"
  mount --bind "$1" "$2"
  shift 2
done
exec "$@" </dev/null`;

let started = 0;

/** Whether Pods can have networks of their own here: it takes root, and the network namespace that the cluster's `in-netns` makes. */
export function canRunContainers(): boolean {
  const local = spawnSync('ip', ['route', 'show', 'table', 'local', '10.244.0.0/16'], { encoding: 'utf8' });
  return local.status === 0 && local.stdout !== '' && spawnSync('unshare', ['--net', 'true']).status === 0;
}

export async function startContainer(spec: ContainerSpec): Promise<Container> {
  const { address, command, env, mounts } = spec;
  const script = ['sh', '-c', SCRIPT, 'sh', address, String(mounts.length), ...mounts.flat(), ...command];
  const child = spawn('unshare', ['--net', '--mount', ...script], { env, stdio: 'pipe' });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  const device = `pod${++started}`;
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });
  ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(child.pid));
  ip('address', 'add', `${GATEWAY}/32`, 'dev', device);
  ip('link', 'set', device, 'up');
  // Beside the route that makes every Pod's address one of this machine's.
  ip('route', 'replace', 'unicast', `${address}/32`, 'dev', device, 'table', 'local');
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  child.stdin.end('\n');
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    exited,
    isRunning,
    output: () => output,
    terminate() {
      if (!isRunning()) return;
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      void exited.then(() => clearTimeout(hard));
    },
  };
}
