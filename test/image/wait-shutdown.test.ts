import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../docker/wait-shutdown', import.meta.url));

/** A PID namespace of its own, as a container has: PID 1 is the shell that runs the script. */
const inContainer = (script: string) =>
  spawnSync(
    'unshare',
    [
      ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
      ...['--fork', '--pid', '--kill-child', '--mount-proc', 'bash', '-c', script],
    ],
    { encoding: 'utf8', timeout: 20_000, env: { ...process.env, NODE: process.execPath, SCRIPT } },
  );
const hasNamespaces = inContainer('true').status === 0;

/** Starts a Node process that says `NAME up`, and `NAME ends` 200 ms after SIGTERM; waits until it is up. */
const START = `
  start() { # NAME ARGV0 WORDS...
    name=$1; zero=$2; shift 2
    (exec -a "$zero" "$NODE" -e 'process.on("SIGTERM", () => setTimeout(() => { console.log(process.env.NAME, "ends"); process.exit() }, 200)); setInterval(() => {}, 1000); require("fs").writeFileSync(process.env.UP, "")' -- "$@") &
    last=$!
    until [ -e "$UP" ]; do sleep 0.02; done; rm "$UP"
  }
  export UP=$(mktemp -u) NAME=
`;

describe.skipIf(!hasNamespaces)('wait-shutdown (skipped where no PID namespace can be made)', () => {
  test('finds the controller, whose name is node-MainThread, and waits until it has ended', () => {
    const { stdout, status } = inContainer(`${START}
      NAME=controller start c node --max-semi-space-size=4 /serin/dist/main.js controller --v=2
      cat /proc/$last/comm
      sh "$SCRIPT"; echo "rc $?"; kill -0 $last 2>/dev/null && grep State /proc/$last/status | grep -qv Z && echo lives; true`);
    expect(stdout.trim().split('\n')).toEqual(['node-MainThread', 'controller ends', 'rc 0']);
    expect(status).toBe(0);
  });

  test('leaves a side-car alone that runs Node, older or younger than the controller', () => {
    const { stdout } = inContainer(`${START}
      NAME=older start a node /app/server.js controller; older=$last
      NAME=controller start c /usr/local/bin/node /serin/dist/main.js controller
      NAME=younger start b node /app/main.js; younger=$last
      sh "$SCRIPT"
      for pid in $older $younger; do kill -0 $pid && echo lives; done; kill -9 $older $younger`);
    expect(stdout.trim().split('\n')).toEqual(['controller ends', 'lives', 'lives']);
  });

  test('asks the controller itself, not what started it', () => {
    const { stdout } = inContainer(`${START}
      (exec -a dumb-init sleep 100) & init=$!
      (exec -a sh perl -e 'sleep 100' /usr/local/bin/node /serin/dist/main.js controller) & wrapper=$!
      NAME=controller start c node /serin/dist/main.js controller
      sh "$SCRIPT"
      for pid in $init $wrapper; do kill -0 $pid && echo lives; done; kill -9 $init $wrapper`);
    expect(stdout.trim().split('\n')).toEqual(['controller ends', 'lives', 'lives']);
  });

  test('without a controller it ends at once, and says so', () => {
    const { stderr, status } = inContainer(`${START}
      NAME=job start j node /serin/dist/main.js certgen; job=$last
      sh "$SCRIPT"; rc=$?; kill -0 $job || rc=9; kill -9 $job; exit $rc`);
    expect(stderr).toContain('there is no controller in this container');
    expect(status).toBe(0);
  });

  test("leaves another container's Serin alone, by its cgroup", ({ skip }) => {
    const { stdout, status } = inContainer(`${START}
      group=/sys/fs/cgroup/pids/serin-test-$RANDOM; [ -d /sys/fs/cgroup/pids ] || group=/sys/fs/cgroup/serin-test-$RANDOM
      mkdir "$group" 2>/dev/null || exit 7
      NAME=other start o node /serin/dist/main.js controller; other=$last
      echo $other >"$group/cgroup.procs" || { kill -9 $other; rmdir "$group"; exit 7; }
      NAME=own start c node /serin/dist/main.js controller
      sh "$SCRIPT"
      kill -0 $other && echo lives; kill -9 $other; wait $other 2>/dev/null; rmdir "$group"; exit 0`);
    if (status === 7) return skip('no cgroup can be made here');
    expect(stdout.trim().split('\n')).toEqual(['own ends', 'lives']);
  });
});
