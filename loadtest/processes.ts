import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** Core of the proxy under test, and core of the load and the upstream. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** A process that this run started: ends with `stop`, by its own id. */
export interface Started {
  readonly pid: number;
  readonly output: () => string;
  stop(): Promise<void>;
}

const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/** Whether a program can be run by name. */
export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/** Starts a program pinned to one core (where taskset exists); undefined pins it to none. */
export function start(
  core: number | undefined,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Started {
  const [command, all] =
    hasTaskset && core !== undefined
      ? ['taskset', ['-c', String(core), program, ...args]]
      : [program, [...args]];
  const child: ChildProcess = spawn(command, all, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout!.on('data', keep);
  child.stderr!.on('data', keep);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid!,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(hard);
    },
  };
}

/** Runs a program to its end and gives its standard output; rejects when it fails. */
export function run(
  core: number | undefined,
  program: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<string> {
  const [command, all] =
    hasTaskset && core !== undefined
      ? ['taskset', ['-c', String(core), program, ...args]]
      : [program, [...args]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const bound = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(bound);
      if (code === 0) resolve(out);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${err}`));
    });
  });
}

const TICKS_PER_SECOND = 100;

/** CPU microseconds a process and its living children have used, all threads, user and system. */
export function cpuMicros(pid: number): number {
  let ticks = 0;
  for (const id of [pid, ...childrenOf(pid)]) {
    try {
      const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // A child may end between listing and reading; its share is lost, as it is small.
    }
  }
  return (ticks * 1_000_000) / TICKS_PER_SECOND;
}

function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Resolves when something accepts on a loopback port; rejects after `timeoutMs`. */
export async function waitForPort(port: number, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing accepts on port ${port}`);
}
