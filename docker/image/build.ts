import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installBase } from './base.ts';
import { packLayer } from './layer.ts';
import { writeImage, type ImageConfig } from './oci.ts';
import { installProgram } from './program.ts';
import { billOfMaterials } from './sbom.ts';

/* npm run image: an OCI image from Debian's packages, npm's package of Node and the working tree, without a base image or an engine. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const ENTRY_POINTS = ['nginx-ingress-controller', 'wait-shutdown'];

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'image') },
    tag: { type: 'string', default: '' },
  },
});
const { version, repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  repository?: { url: string };
};
const architecture = ARCHITECTURES[arch()];
if (architecture === undefined) throw new Error(`there is no image for ${arch()}`);
const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
const revision = git('rev-parse', 'HEAD');
const isClean = git('status', '--porcelain') === '';
const timeMs = Number(process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct')) * 1_000;
const created = new Date(timeMs).toISOString();
const nodeVersion = process.version.slice(1);

const work = mkdtempSync(join(tmpdir(), 'serin-image-'));
try {
  const [system, program] = ['system', 'program'].map((name) => join(work, name)) as [string, string];
  for (const folder of [system, program]) mkdirSync(folder);
  const debian = installBase(system, process.execPath);
  installProgram(ROOT, join(program, 'serin'));
  for (const name of ENTRY_POINTS) {
    cpSync(join(ROOT, 'docker', name), join(program, name));
    chmodSync(join(program, name), 0o755);
  }
  const bom = billOfMaterials(ROOT, debian, nodeVersion, created);
  writeFileSync(join(program, 'serin/sbom.cdx.json'), bom);

  const options = { binders: ['usr/bin/node'], open: ['tmp', 'var/tmp'], timeMs };
  const layers = [await packLayer(system, options), await packLayer(program, options)];
  const config: ImageConfig = {
    architecture,
    created,
    user: '101:82',
    environment: ['PATH=/usr/bin:/usr/sbin', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'],
    entrypoint: ['/usr/bin/dumb-init', '--'],
    command: ['/nginx-ingress-controller'],
    workingDirectory: '/serin',
    ports: ['80/tcp', '443/tcp', '8443/tcp', '10254/tcp'],
    labels: {
      'org.opencontainers.image.title': 'serin',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': isClean ? revision : `${revision}-dirty`,
      'org.opencontainers.image.created': created,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.base.name': 'scratch',
      ...(repository === undefined ? {} : { 'org.opencontainers.image.source': repository.url }),
    },
  };
  const out = resolve(values.out);
  rmSync(out, { recursive: true, force: true });
  const digest = writeImage(join(out, 'oci'), `serin:${values.tag || version}`, config, layers);
  writeFileSync(join(out, 'sbom.cdx.json'), bom);
  execFileSync('tar', [
    '--sort=name',
    `--mtime=@${timeMs / 1_000}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '-cf',
    join(out, 'serin.tar'),
    '-C',
    join(out, 'oci'),
    '.',
  ]);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const packed = layers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const unpacked = layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
  process.stdout.write(
    `${join(out, 'serin.tar')}\nserin:${values.tag || version} ${digest}\n${megabytes(packed)} compressed, ${megabytes(unpacked)} unpacked, Node ${nodeVersion}\n`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
