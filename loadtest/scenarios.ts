/** One kind of load. Paths that a peer has no counterpart for are left out for it. */
export interface Scenario {
  readonly name: string;
  readonly needs: 'plain' | 'tls' | 'canary' | 'rewrite';
  readonly path: string;
  readonly isTls: boolean;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes?: number;
  readonly connections: number;
}

const get = { method: 'GET', isTls: false, headers: {}, connections: 64 } as const;

/** The scenarios of a run. Response sizes are in the path: the upstream answers with as many bytes. */
export const SCENARIOS: readonly Scenario[] = [
  { ...get, name: 'plain 512 B', needs: 'plain', path: '/512' },
  { ...get, name: 'plain 64 KiB', needs: 'plain', path: '/65536', connections: 32 },
  { ...get, name: 'TLS 512 B', needs: 'tls', path: '/512', isTls: true },
  { ...get, name: 'canary by header', needs: 'canary', path: '/canary/512', headers: { canary: 'always' } },
  { ...get, name: 'rewrite', needs: 'rewrite', path: '/rewrite/512', headers: { Host: 'rewrite.test' } },
  { ...get, name: '1 MiB download', needs: 'plain', path: '/1048576', connections: 8 },
  {
    ...get,
    name: '1 MiB upload',
    needs: 'plain',
    path: '/512',
    method: 'POST',
    bodyBytes: 1_048_576,
    connections: 8,
  },
];
