import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createSelfSigned } from '../../lib/self-signed.ts';
import { startExampleBackends } from './backends.ts';
import { exampleCommands, exampleObjects } from './objects.ts';

/** The embedded example, running: the walk-through's manifests and applications for them. */
export interface Example {
  /** Manifest folders to serve. */
  readonly paths: readonly string[];
  commands(httpPort: number, httpsPort: number): string;
  stop(): Promise<void>;
}

/** Starts the example's applications and writes what a cluster would add to the manifests into a temporary folder. */
export async function startExample(manifests: string): Promise<Example> {
  const backends = await startExampleBackends(createSelfSigned(['kubernetes-dashboard'], Date.now()));
  const objects = exampleObjects(backends, createSelfSigned(['secure.web.app'], Date.now()));
  const folder = await mkdtemp(join(tmpdir(), 'serin-example-'));
  await writeFile(join(folder, 'cluster.yaml'), objects.map((object) => stringify(object)).join('---\n'), {
    mode: 0o600,
  });
  return {
    paths: [manifests, folder],
    commands: exampleCommands,
    async stop() {
      await backends.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
