import type { ConnectionOptions } from 'node:tls';

/** Where the API server is said to be; empty strings are absent. */
export interface ApiLocation {
  readonly kubeconfig: string;
  readonly apiserverHost: string;
  /** CA file that replaces the one of the configuration. */
  readonly certificateAuthority: string;
}

/** The credentials of one request; read anew for each, because tokens and certificates rotate. */
export interface ApiCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: ConnectionOptions;
}

/** An API server and how to be let in. */
export interface ApiAccess {
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** Namespace of the context; `default` where none is given. */
  readonly namespace: string;
  credentials(): Promise<ApiCredentials>;
}
