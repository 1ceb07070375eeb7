import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'serin-image-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (...programs: string[]) => programs.every((name) => spawnSync('which', [name]).status === 0);
const canBuild = has('apt-get', 'dpkg-deb', 'strip', 'git');
const canRun =
  process.getuid?.() === 0 &&
  has('unshare', 'setpriv', 'nsenter', 'ip', 'pgrep') &&
  spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true']).status === 0;

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

describe.skipIf(!canBuild)('npm run image (skipped without apt-get, dpkg-deb, strip or git)', () => {
  const out = join(folder, 'one');
  const blob = (digest: string) => join(out, 'oci/blobs', digest.replace(':', '/'));
  const build = (into: string) =>
    execFileSync(process.execPath, ['docker/image/build.ts', '--out', into], { cwd: ROOT, encoding: 'utf8' });
  let said = '';
  let manifest: Manifest;

  beforeAll(() => {
    said = build(out);
    const index = JSON.parse(readFileSync(join(out, 'oci/index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    manifest = JSON.parse(readFileSync(blob(index.manifests[0]!.digest), 'utf8')) as Manifest;
  });

  test('makes an image that is small', () => {
    const [, packed, unpacked] = /([\d.]+) MB compressed, ([\d.]+) MB unpacked/.exec(said)!;
    expect(Number(packed)).toBeLessThan(75);
    expect(Number(unpacked)).toBeLessThan(180);
  });

  test('that is the same when it is made again', () => {
    const again = build(join(folder, 'two'));
    const digest = /sha256:\w+/;
    expect(digest.exec(again)![0]).toBe(digest.exec(said)![0]);
  });

  test('that says what it is, and what it is made of', () => {
    const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8')) as {
      config: { User: string; Entrypoint: string[]; Cmd: string[]; Labels: Record<string, string> };
    };
    expect(config.config).toMatchObject({
      User: '101:82',
      Entrypoint: ['/usr/bin/dumb-init', '--'],
      Cmd: ['/nginx-ingress-controller'],
    });
    expect(Object.keys(config.config.Labels)).toEqual(
      expect.arrayContaining(['org.opencontainers.image.revision', 'org.opencontainers.image.created']),
    );
    const bom = JSON.parse(readFileSync(join(out, 'sbom.cdx.json'), 'utf8')) as {
      bomFormat: string;
      components: { name: string }[];
    };
    expect(bom.bomFormat).toBe('CycloneDX');
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['node', 'libc6', 'undici', '@kubernetes/client-node']));
    expect(names).not.toContain('vitest');
  });

  test.skipIf(!canRun)(
    'whose root runs read-only, as user 101, with one capability (skipped without root, unshare, setpriv, nsenter, ip or pgrep)',
    () => {
      const root = join(folder, 'root');
      mkdirSync(root);
      for (const { digest } of manifest.layers)
        execFileSync('tar', [
          '--xattrs',
          '--xattrs-include=security.capability',
          '-xpzf',
          blob(digest),
          '-C',
          root,
        ]);
      const script = fileURLToPath(new URL('in-its-root.ts', import.meta.url));
      const ran = spawnSync(
        'unshare',
        ['--net', '--mount', '--fork', '--kill-child', process.execPath, script, root, folder],
        { encoding: 'utf8', timeout: 120_000 },
      );
      expect(ran.stdout, ran.stderr).not.toBe('');
      const seen = JSON.parse(ran.stdout) as Record<string, unknown>;
      expect(seen).toMatchObject({
        live: '200',
        healthz: '200',
        http: '200 served',
        https: '200 served',
        review: expect.stringContaining('"allowed":false') as unknown,
        uid: '101\t101\t101\t101',
        gid: '82\t82\t82\t82',
        capabilities: ['0000000000000400', '0000000000000400'],
        written: ['/tmp/x', '101', ''],
        code: 0,
      });
    },
  );
});
