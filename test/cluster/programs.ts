import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from './ingress-nginx.ts';
import type { ContainerSpec } from './node/container.ts';

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const MAIN = pathOf('../../src/main.ts');

/** ingress-nginx's controller, where the checkout has been built (`go build -o nginx-ingress-controller ./cmd/nginx`). */
const CONTROLLER = join(CHECKOUT, 'nginx-ingress-controller');
const HAS_CONTROLLER = CHECKOUT !== '' && existsSync(CONTROLLER);

/** What of this machine runs for a container. */
export interface Program {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Makes what the image has, in a folder of the container's own. */
  readonly prepare?: (folder: string) => ContainerSpec['mounts'];
}

/** The first container of a Pod. */
export interface Wanted {
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

const serin = (command: string, args: readonly string[]): Program => ({
  command: [process.execPath, MAIN, command, ...args],
});

/**
 * The programs of Serin's image and of ingress-nginx's; undefined: of another, whose Pods are simulated alone. Where ingress-nginx's controller
 * is not there Serin does its part, and that of the program that makes certificates always.
 */
export function programOf({ image, command, args }: Wanted): Program | undefined {
  const [first = '', ...rest] = args;
  if (image.includes('kube-webhook-certgen')) {
    const known = rest.filter((arg) => !arg.startsWith('--patch-mutating'));
    return serin('certgen', first === 'create' ? ['--webhook-name=', ...known] : known);
  }
  if (command.includes('certgen')) return serin('certgen', args);
  if (first !== '/nginx-ingress-controller') return undefined;
  return HAS_CONTROLLER && image.includes('ingress-nginx/controller')
    ? ingressNginx(rest)
    : serin('controller', rest);
}

function ingressNginx(args: readonly string[]): Program {
  return {
    command: [CONTROLLER, ...args],
    env: { NGINX_BINARY: '/etc/ingress-controller/nginx' },
    prepare(folder) {
      const [nginx, state, temporary] = ['nginx', 'state', 'tmp'].map((name) => join(folder, name));
      for (const path of [join(state!, 'telemetry'), join(temporary!, 'nginx')])
        mkdirSync(path, { recursive: true });
      cpSync(join(CHECKOUT, 'rootfs/etc/nginx'), nginx!, { recursive: true });
      const binary = join(state!, 'nginx');
      writeFileSync(binary, `#!/bin/sh\nexec ${process.execPath} ${pathOf('./stand-in-nginx.ts')} "$@"\n`);
      chmodSync(binary, 0o755);
      return [
        [nginx!, '/etc/nginx'],
        [state!, '/etc/ingress-controller'],
        [temporary!, '/tmp'],
      ];
    },
  };
}
