import { HOST_COUNT, PATHS_PER_HOST, REGEX_COUNT, type Spread } from './targets.ts';

/** What a peer must have a counterpart for. */
export type Feature =
  | 'plain'
  | 'tls'
  | 'canary'
  | 'weight'
  | 'rewrite'
  | 'limits'
  | 'one-host'
  | 'hosts'
  | 'regex'
  | 'websocket'
  | 'http2'
  | 'grpc'
  | 'gzip';

/** One kind of load. Paths that a peer has no counterpart for are left out for it. */
export interface Scenario {
  readonly name: string;
  readonly needs: Feature;
  /** `hosts`: a process of its own, with 10,000 hosts in its configuration. */
  readonly site: 'main' | 'hosts';
  /** The program that makes the load, and what it counts. */
  readonly loader: 'load.ts' | 'half-load.ts' | 'handshakes.ts' | 'messages.ts' | 'h2load.ts';
  readonly unit: 'request' | 'handshake' | 'message' | 'call';
  readonly path: string;
  readonly isTls: boolean;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** The name in SNI. */
  readonly servername: string;
  readonly bodyBytes?: number;
  readonly connections: number;
  /** Requests per second; unset: as many as come through. */
  readonly rate?: number;
  /** Requests go round these routes in place of `path`. */
  readonly spread?: Spread;
  /** Requests at once on each connection, where the protocol has that. */
  readonly streams?: number;
  /** In place of `path`, once for each connection: sizes of what is asked for. */
  readonly page?: readonly number[];
  /** The scenario whose figure is this one's measure; chosen along with it. */
  readonly against?: string;
}

const get = {
  method: 'GET',
  site: 'main',
  loader: 'load.ts',
  unit: 'request',
  isTls: false,
  headers: {},
  servername: 'load.test',
  connections: 64,
} as const;

const handshake = {
  ...get,
  loader: 'handshakes.ts',
  unit: 'handshake',
  isTls: true,
  needs: 'tls',
  path: '/512',
  connections: 16,
} as const;

const http2 = {
  ...get,
  needs: 'http2',
  loader: 'h2load.ts',
  isTls: true,
  path: '/512',
} as const;

/** A page and its assets: many small ones, some larger, a picture. */
const PAGE: readonly number[] = [
  24_576,
  ...Array.from({ length: 30 }, () => 2_048),
  ...Array.from({ length: 20 }, () => 10_240),
  ...Array.from({ length: 9 }, () => 40_960),
  204_800,
];

/** Requests per second: about half of what one core of Serin or nginx takes, and most that http-proxy-3 does. */
const HALF_LOAD = 20_000;

/** The scenarios of a run. Response sizes are in the path: the upstream answers with as many bytes. */
export const SCENARIOS: readonly Scenario[] = [
  { ...get, name: 'plain 512 B', needs: 'plain', path: '/512' },
  {
    ...get,
    name: 'plain 512 B at half load',
    needs: 'plain',
    path: '/512',
    loader: 'half-load.ts',
    rate: HALF_LOAD,
  },
  { ...get, name: 'plain 64 KiB', needs: 'plain', path: '/65536', connections: 32 },
  { ...get, name: 'TLS 512 B', needs: 'tls', path: '/512', isTls: true },
  { ...handshake, name: 'TLS handshake, ECDSA P-256' },
  { ...handshake, name: 'TLS handshake, RSA 2048', servername: 'rsa.test' },
  { ...get, name: 'canary by header', needs: 'canary', path: '/canary/512', headers: { canary: 'always' } },
  { ...get, name: 'canary by weight', needs: 'weight', path: '/weighted/512' },
  { ...get, name: 'rewrite', needs: 'rewrite', path: '/rewrite/512', headers: { Host: 'rewrite.test' } },
  {
    ...get,
    name: 'two limits',
    needs: 'limits',
    path: '/limited/512',
    against: 'plain 512 B',
  },
  {
    ...get,
    name: '1,000 regex routes',
    needs: 'regex',
    path: '/',
    spread: { kind: 'regex', routes: REGEX_COUNT },
  },
  {
    ...get,
    name: 'one host, 5 paths',
    needs: 'one-host',
    path: '/',
    spread: { kind: 'hosts', hosts: 1, paths: PATHS_PER_HOST },
  },
  {
    ...get,
    name: '10,000 hosts, 5 paths each',
    needs: 'hosts',
    site: 'hosts',
    path: '/',
    spread: { kind: 'hosts', hosts: HOST_COUNT, paths: PATHS_PER_HOST },
    against: 'one host, 5 paths',
  },
  {
    ...get,
    name: 'gzip of 20 KB JSON',
    needs: 'gzip',
    path: '/json/20480',
    headers: { 'accept-encoding': 'gzip' },
    connections: 32,
  },
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
  { ...http2, name: 'HTTP/2, TLS, 16 connections x 20 streams', connections: 16, streams: 20 },
  { ...http2, name: 'HTTP/2, TLS, one stream at a time', connections: 1, streams: 1 },
  {
    ...http2,
    name: 'HTTP/2, TLS, a page of 60 assets',
    connections: 4,
    streams: PAGE.length,
    page: PAGE,
  },
  {
    ...http2,
    name: 'gRPC, TLS, unary calls, 16 connections x 20 streams',
    needs: 'grpc',
    unit: 'call',
    path: '/load.Echo/Unary',
    method: 'POST',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    bodyBytes: 69,
    connections: 16,
    streams: 20,
  },
  {
    ...get,
    name: 'WebSocket message, 64 B',
    needs: 'websocket',
    loader: 'messages.ts',
    unit: 'message',
    path: '/ws',
    connections: 50,
  },
];

/** The scenarios whose name has `text` in it, with those they are measured against. */
export function scenariosNamed(text: string): readonly Scenario[] {
  const named = SCENARIOS.filter(({ name }) => name.includes(text));
  const against = new Set(named.map((scenario) => scenario.against));
  return SCENARIOS.filter((scenario) => named.includes(scenario) || against.has(scenario.name));
}
