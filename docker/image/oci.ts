import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf, type Layer } from './layer.ts';

export interface ImageConfig {
  readonly architecture: string;
  readonly created: string;
  readonly user: string;
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Writes an image as an OCI layout (image-spec 1.1), beside the manifest by which `docker load` knows it. Answers the digest of its
 * manifest.
 */
export function writeImage(
  folder: string,
  reference: string,
  config: ImageConfig,
  layers: readonly Layer[],
): string {
  const write = (path: string, bytes: string | Buffer): void => {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, bytes);
  };
  const blob = (mediaType: string, bytes: Buffer): Blob => {
    const digest = digestOf(bytes);
    write(pathOf(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (mediaType: string, value: object): Blob =>
    blob(mediaType, Buffer.from(JSON.stringify(value)));

  const packed = layers.map(({ bytes }) => blob('application/vnd.oci.image.layer.v1.tar+gzip', bytes));
  const described = json('application/vnd.oci.image.config.v1+json', {
    created: config.created,
    architecture: config.architecture,
    os: 'linux',
    config: {
      User: config.user,
      ExposedPorts: Object.fromEntries(config.ports.map((port) => [port, {}])),
      Env: config.environment,
      Entrypoint: config.entrypoint,
      Cmd: config.command,
      WorkingDir: config.workingDirectory,
      Labels: config.labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: config.created, created_by: 'npm run image' })),
  });
  const manifest = json('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: described,
    layers: packed,
    annotations: config.labels,
  });
  write('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const annotations = {
    'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
    'io.containerd.image.name': reference,
  };
  write(
    'index.json',
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...manifest, annotations, platform: { os: 'linux', architecture: config.architecture } }],
    }),
  );
  const layerPaths = packed.map(({ digest }) => pathOf(digest));
  write(
    'manifest.json',
    JSON.stringify([{ Config: pathOf(described.digest), RepoTags: [reference], Layers: layerPaths }]),
  );
  return manifest.digest;
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
