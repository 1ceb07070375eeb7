import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled, PROXY_CORE, start, waitForPort, type Started } from './processes.ts';

/** What every peer is given: the same upstream, names, certificate, and a folder for its configuration and log. */
export interface PeerInput {
  readonly folder: string;
  readonly upstreamPort: number;
  readonly canaryPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly certificate: string;
  readonly key: string;
  readonly manifests: string;
}

/** A proxy to measure: same forwarded headers, request id and access log to a file as the others. */
export interface Peer {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: () => string | undefined;
  /** Scenarios it has a counterpart for. */
  readonly features: ReadonlySet<'plain' | 'tls' | 'canary' | 'rewrite'>;
  start(input: PeerInput): Promise<Started>;
}

const node = process.execPath;

export const serin: Peer = {
  name: 'Serin',
  missing: () => undefined,
  features: new Set(['plain', 'tls', 'canary', 'rewrite']),
  async start(input) {
    const started = start(PROXY_CORE, node, [
      new URL('../src/main.ts', import.meta.url).pathname,
      'serve',
      `--manifests=${input.manifests}`,
      `--http-port=${input.httpPort}`,
      `--https-port=${input.httpsPort}`,
      '--healthz-port=0',
      '--listen=127.0.0.1',
      '--workers=1',
      '--configmap=load/settings',
    ]);
    await waitForPort(input.httpsPort);
    return started;
  },
};

export const httpProxy3: Peer = {
  name: 'http-proxy-3',
  missing: () => undefined,
  features: new Set(['plain', 'tls']),
  async start(input) {
    const started = start(PROXY_CORE, node, [
      new URL('./http-proxy-3.ts', import.meta.url).pathname,
      JSON.stringify(input),
    ]);
    await waitForPort(input.httpsPort);
    return started;
  },
};

export const nginx: Peer = {
  name: 'nginx',
  missing: () => (isInstalled('nginx') ? undefined : 'nginx is not installed (Debian package nginx-light)'),
  features: new Set(['plain', 'tls', 'canary', 'rewrite']),
  async start(input) {
    const file = write(input, 'nginx.conf', nginxConfig(input));
    const started = start(PROXY_CORE, 'nginx', [
      '-c',
      file,
      '-p',
      input.folder,
      '-e',
      join(input.folder, 'error.log'),
    ]);
    await waitForPort(input.httpsPort);
    return started;
  },
};

export const haproxy: Peer = {
  name: 'HAProxy',
  missing: () => (isInstalled('haproxy') ? undefined : 'haproxy is not installed (Debian package haproxy)'),
  features: new Set(['plain', 'tls']),
  async start(input) {
    write(input, 'haproxy.pem', input.certificate + input.key);
    const file = write(input, 'haproxy.cfg', haproxyConfig(input));
    const started = start(PROXY_CORE, 'haproxy', ['-f', file, '-db']);
    await waitForPort(input.httpsPort);
    return started;
  },
};

export const PEERS: readonly Peer[] = [serin, nginx, haproxy, httpProxy3];

function write(input: PeerInput, name: string, text: string): string {
  mkdirSync(input.folder, { recursive: true });
  const file = join(input.folder, name);
  writeFileSync(file, text);
  return file;
}

/** nginx with the headers that ingress-nginx sends to a backend and its access log format. */
function nginxConfig(input: PeerInput): string {
  write(input, 'cert.pem', input.certificate);
  write(input, 'key.pem', input.key);
  const headers = `
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
      proxy_buffering off;
      proxy_request_buffering on;
      client_max_body_size 8m;`;
  return `
daemon off;
user root;
worker_processes 1;
pid ${input.folder}/nginx.pid;
error_log ${input.folder}/error.log;
events { worker_connections 4096; multi_accept on; }
http {
  log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $request_id';
  access_log ${input.folder}/access.log upstreaminfo;
  client_body_temp_path ${input.folder}/body;
  proxy_temp_path ${input.folder}/proxy;
  fastcgi_temp_path ${input.folder}/fastcgi;
  uwsgi_temp_path ${input.folder}/uwsgi;
  scgi_temp_path ${input.folder}/scgi;
  keepalive_requests 100000000;
  keepalive_timeout 75;
  client_max_body_size 8m;
  upstream main { server 127.0.0.1:${input.upstreamPort}; keepalive 320; keepalive_requests 100000000; }
  upstream canary { server 127.0.0.1:${input.canaryPort}; keepalive 320; keepalive_requests 100000000; }
  map $http_canary $chosen { default main; always canary; }
  server {
    listen 127.0.0.1:${input.httpPort};
    listen 127.0.0.1:${input.httpsPort} ssl;
    ssl_certificate ${input.folder}/cert.pem;
    ssl_certificate_key ${input.folder}/key.pem;
    ssl_session_cache shared:SSL:10m;
    location / { proxy_pass http://main;${headers} }
    location /canary/ { proxy_pass http://$chosen;${headers} }
    location ~* "^/rewrite(/|$)(.*)" { rewrite "(?i)/rewrite(/|$)(.*)" /$2 break; proxy_pass http://main;${headers} }
  }
}
`;
}

function haproxyConfig(input: PeerInput): string {
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${input.httpPort}
  bind 127.0.0.1:${input.httpsPort} ssl crt ${input.folder}/haproxy.pem
  unique-id-format %[uuid()]
  http-request set-header X-Request-ID %[unique-id]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Scheme http
  http-request set-header X-Scheme http
  default_backend main
backend main
  server s1 127.0.0.1:${input.upstreamPort}
`;
}
