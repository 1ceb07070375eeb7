import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { issueCertificate } from '../src/lib/issue-certificate.ts';
import { createSelfSigned } from '../src/lib/self-signed.ts';
import { manifestsOf, type ManifestInput } from './manifests.ts';
import type { PeerInput } from './peer-input.ts';
import type { Peer } from './peers.ts';
import { LOAD_CORE, start, waitForPort, type Started } from './processes.ts';

/** Fixed ports, so that every peer's configuration can name them; all on loopback. */
const UPSTREAM_PORT = 18_100;
const CANARY_PORT = 18_101;
const GRPC_PORT = 18_102;
const FIRST_PEER_PORT = 18_200;
const FIRST_HOSTS_PORT = 18_250;
const ECHO_START_MS = 10_000;
const DAY_MS = 86_400_000;

const here = new URL('.', import.meta.url).pathname;

/** An RSA (2048 bit) certificate of a host, self-signed, as PEM. */
function rsaPair(host: string): { certificate: string; key: string } {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const certificate = issueCertificate({
    commonName: host,
    names: [host],
    keys,
    serial: Uint8Array.of(1),
    notBeforeMs: Date.now() - DAY_MS,
    notAfterMs: Date.now() + 365 * DAY_MS,
  });
  return { certificate, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Starts the upstreams on the load's core, each put into `started`; resolves with what all peers are given. */
export async function startUpstreams(started: Started[]): Promise<ManifestInput> {
  for (const port of [UPSTREAM_PORT, CANARY_PORT]) {
    started.push(start(LOAD_CORE, process.execPath, [join(here, 'upstream.ts'), String(port)]));
    await waitForPort(port);
  }
  started.push(start(LOAD_CORE, process.execPath, [join(here, 'grpc-upstream.ts'), String(GRPC_PORT)]));
  await waitForPort(GRPC_PORT);
  const echo = start(LOAD_CORE, process.execPath, [join(here, 'pods.ts'), '1']);
  started.push(echo);
  const deadline = Date.now() + ECHO_START_MS;
  while (!echo.output().includes(']')) {
    if (Date.now() > deadline) throw new Error(`the WebSocket backend did not start: ${echo.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const rsa = rsaPair('rsa.test');
  return {
    upstreamPort: UPSTREAM_PORT,
    canaryPort: CANARY_PORT,
    grpcPort: GRPC_PORT,
    webSocketPort: (JSON.parse(echo.output()) as number[])[0]!,
    ...createSelfSigned(['load.test'], Date.now()),
    rsaCertificate: rsa.certificate,
    rsaKey: rsa.key,
  };
}

/** What the `index`-th peer is given for a site: ports and a folder that are no other's. */
export function inputOf(
  upstreams: ManifestInput,
  folder: string,
  peer: Peer,
  index: number,
  site: 'main' | 'hosts',
): PeerInput {
  const own = join(folder, `${peer.name}-${site}`);
  const firstPort = (site === 'main' ? FIRST_PEER_PORT : FIRST_HOSTS_PORT) + index * 2;
  return {
    ...upstreams,
    folder: own,
    httpPort: firstPort,
    httpsPort: firstPort + 1,
    site,
    manifests: peer.name.startsWith('Serin') ? manifestsOf(own, site, upstreams) : '',
  };
}
