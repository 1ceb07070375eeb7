import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unpackDebianPackages, type DebianPackage } from './debian.ts';

/** Libraries of Node's binary, a first process that reaps, a shell with its usual programs, and certificates for those. */
const PACKAGES = [
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  'libatomic1',
  'dumb-init',
  'busybox-static',
  'ca-certificates',
  'base-files',
];

/** Libraries of libc6 that something here loads; the rest are tables of other encodings and tools. */
const LIBRARIES =
  /\/(?:ld-linux.*|lib(?:c|m|dl|pthread|rt|resolv|nss_dns|nss_files|gcc_s|stdc\+\+|atomic)\.so.*)$/;

/** What `kubectl exec` and the entry points call. */
const PROGRAMS =
  `[ ash awk base64 basename cat chmod cp cut date df dirname du echo env expr false find free grep gunzip gzip head
  hostname id ip kill less ln ls mkdir mktemp more mv nc netstat nslookup ping printenv printf ps pwd readlink realpath rm rmdir sed
  seq sh sha256sum sleep sort stat tail tar tee test timeout top touch tr true uname uniq vi wc wget which whoami xargs`
    .trim()
    .split(/\s+/);

/** Puts the system below the program into a folder. Answers the packages that it is made of. */
export function installBase(into: string, node: string): readonly DebianPackage[] {
  const work = mkdtempSync(join(tmpdir(), 'serin-image-base-'));
  try {
    const unpacked = join(work, 'unpacked');
    for (const folder of [unpacked, join(work, 'downloads')]) mkdirSync(folder);
    const packages = unpackDebianPackages(PACKAGES, join(work, 'downloads'), unpacked);
    for (const folder of [
      'usr/bin',
      'usr/sbin',
      'usr/lib',
      'usr/lib64',
      'etc/ssl/certs',
      'tmp',
      'var/tmp',
      'var/lib/dpkg/status.d',
      'proc',
      'sys',
      'dev',
      'run',
    ])
      mkdirSync(join(into, folder), { recursive: true });
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(into, name));
    // Packages of this release still say /lib for /usr/lib.
    for (const path of globSync('{usr/,}lib{,64}/**/*', { cwd: unpacked })) {
      if (!LIBRARIES.test(`/${path}`)) continue;
      const to = join(into, path.startsWith('usr/') ? path : `usr/${path}`);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(unpacked, path), to, { verbatimSymlinks: true });
    }
    copy(unpacked, into, 'usr/bin/dumb-init', 'usr/bin/dumb-init');
    copy(
      unpacked,
      into,
      existsSync(join(unpacked, 'bin/busybox')) ? 'bin/busybox' : 'usr/bin/busybox',
      'usr/bin/busybox',
    );
    for (const program of PROGRAMS) symlinkSync('busybox', join(into, 'usr/bin', program));
    copy(unpacked, into, 'usr/lib/os-release', 'usr/lib/os-release');
    symlinkSync('../usr/lib/os-release', join(into, 'etc/os-release'));
    const certificates = globSync('usr/share/ca-certificates/mozilla/*.crt', { cwd: unpacked }).toSorted();
    const bundle = certificates
      .map((path) => readFileSync(join(unpacked, path), 'utf8').trimEnd())
      .join('\n');
    writeFileSync(join(into, 'etc/ssl/certs/ca-certificates.crt'), `${bundle}\n`);
    for (const { name, control } of packages) {
      writeFileSync(join(into, 'var/lib/dpkg/status.d', name), control);
      const licence = `usr/share/doc/${name}/copyright`;
      if (existsSync(join(unpacked, licence))) copy(unpacked, into, licence, licence);
    }
    writeFileSync(
      join(into, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nwww-data:x:101:82:www-data:/:/bin/false\n',
    );
    writeFileSync(join(into, 'etc/group'), 'root:x:0:\nwww-data:x:82:\n');
    writeFileSync(join(into, 'etc/nsswitch.conf'), 'hosts: files dns\n');
    const binary = join(into, 'usr/bin/node');
    cpSync(node, binary);
    chmodSync(binary, 0o755);
    // Deployments of ingress-nginx preload it; a loader that does not find it says so at each start. This one is loaded anyway.
    const libc = globSync('usr/lib/*/libc.so.6', { cwd: into })[0]!;
    mkdirSync(join(into, 'usr/local/lib'), { recursive: true });
    symlinkSync(`/${libc}`, join(into, 'usr/local/lib/libmimalloc.so'));
    // A fifth of it are names that only a debugger reads.
    execFileSync('strip', ['--strip-all', binary]);
    return packages;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function copy(from: string, into: string, path: string, to: string): void {
  mkdirSync(dirname(join(into, to)), { recursive: true });
  cpSync(join(from, path), join(into, to), { dereference: true });
}
