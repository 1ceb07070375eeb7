/** What every peer is given: the same upstream, names, certificate, and a folder for its configuration and log. */
export interface PeerInput {
  readonly folder: string;
  readonly upstreamPort: number;
  readonly canaryPort: number;
  readonly webSocketPort: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly certificate: string;
  readonly key: string;
  readonly rsaCertificate: string;
  readonly rsaKey: string;
  /** `hosts`: 10,000 hosts in its configuration, and nothing else. */
  readonly site: 'main' | 'hosts';
  readonly manifests: string;
}
