import { write } from './peer-files.ts';
import type { PeerInput } from './peer-input.ts';

/** HAProxy with the same headers, request id and certificates as the others; its access log goes to standard output. */
export function haproxyConfig(input: PeerInput): string {
  write(input.folder, 'haproxy.pem', input.certificate + input.key);
  write(input.folder, 'haproxy-rsa.pem', input.rsaCertificate + input.rsaKey);
  return `
global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout tunnel 60s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${input.httpPort}
  bind 127.0.0.1:${input.httpsPort} ssl crt ${input.folder}/haproxy.pem crt ${input.folder}/haproxy-rsa.pem
  unique-id-format %[uuid()]
  http-request set-header X-Request-ID %[unique-id]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Scheme http
  http-request set-header X-Scheme http
  use_backend echo if { path /ws }
  default_backend main
backend main
  server s1 127.0.0.1:${input.upstreamPort}
backend echo
  server s1 127.0.0.1:${input.webSocketPort}
`;
}
