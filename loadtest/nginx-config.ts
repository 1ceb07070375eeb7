import { write } from './peer-files.ts';
import type { PeerInput } from './peer-input.ts';
import {
  HOST_COUNT,
  hostName,
  PATHS_PER_HOST,
  pathPrefix,
  REGEX_COUNT,
  REGEX_HOST,
  regexOf,
} from './targets.ts';

const BODIES = `
      proxy_buffering off;
      proxy_request_buffering on;`;

/** The headers that ingress-nginx sends to a backend; `connection` is the value of Connection. */
const headersWith = (connection: string) => `
      proxy_http_version 1.1;
      proxy_set_header Connection ${connection};
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;`;

/** The same to a backend that speaks gRPC; of timeouts and buffers nothing is said. */
const GRPC_HEADERS = headersWith('""')
  .split('\n')
  .filter((line) => line.includes('proxy_set_header') && !line.includes(' Connection '))
  .map((line) => line.replace('proxy_set_header', 'grpc_set_header'))
  .join('\n');

/** What both sites share; the access log has ingress-nginx's format. */
function http(input: PeerInput, inner: string): string {
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
  gzip on;
  gzip_comp_level 1;
  gzip_http_version 1.1;
  gzip_min_length 256;
  gzip_types application/json;
  gzip_proxied any;
  gzip_vary on;
  limit_req_zone $binary_remote_addr zone=requests:5m rate=1000000r/s;
  limit_conn_zone $binary_remote_addr zone=connections:5m;
  upstream main { server 127.0.0.1:${input.upstreamPort}; keepalive 320; keepalive_requests 100000000; }
${inner}
}
`;
}

const everyPath = Array.from({ length: PATHS_PER_HOST }, (_, index) => pathPrefix(index));

/** A server with five plain locations; its headers are those of the level above. */
const hostServer = (input: PeerInput, index: number) =>
  `  server { listen 127.0.0.1:${input.httpPort}; server_name ${hostName(index)}; ` +
  everyPath.map((path) => `location ${path} { proxy_pass http://main; }`).join(' ') +
  ' }';

/** nginx for every scenario but the 10,000 hosts, with the headers that ingress-nginx sends to a backend. */
export function nginxConfig(input: PeerInput): string {
  write(input.folder, 'cert.pem', input.certificate);
  write(input.folder, 'key.pem', input.key);
  write(input.folder, 'rsa-cert.pem', input.rsaCertificate);
  write(input.folder, 'rsa-key.pem', input.rsaKey);
  const headers = headersWith('""') + BODIES;
  const upgrading = headersWith('$upgraded') + '\n      proxy_set_header Upgrade $http_upgrade;' + BODIES;
  const regexes = Array.from(
    { length: REGEX_COUNT },
    (_, index) => `    location ~* "^${regexOf(index)}" { proxy_pass http://main;${headers} }`,
  );
  return http(
    input,
    `
  upstream canary { server 127.0.0.1:${input.canaryPort}; keepalive 320; keepalive_requests 100000000; }
  upstream grpc { server 127.0.0.1:${input.grpcPort}; keepalive 320; keepalive_requests 100000000; }
  upstream echo { server 127.0.0.1:${input.webSocketPort}; }
  map $http_canary $chosen { default main; always canary; }
  map $http_upgrade $upgraded { default upgrade; '' ''; }
  split_clients $request_id $drawn { 30% canary; * main; }
  server {
    listen 127.0.0.1:${input.httpPort} default_server;
    listen 127.0.0.1:${input.httpsPort} ssl http2 default_server;
    ssl_certificate ${input.folder}/cert.pem;
    ssl_certificate_key ${input.folder}/key.pem;
    ssl_session_cache shared:SSL:10m;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://main;${headers} }
    location /canary/ { proxy_pass http://$chosen;${headers} }
    location /weighted/ { proxy_pass http://$drawn;${headers} }
    location /limited/ { limit_conn connections 1000; limit_req zone=requests burst=5000000 nodelay; proxy_pass http://main;${headers} }
    location /load.Echo { grpc_pass grpc://grpc;
${GRPC_HEADERS} }
    location /ws { proxy_pass http://echo;${upgrading} }
    location ~* "^/rewrite(/|$)(.*)" { rewrite "(?i)/rewrite(/|$)(.*)" /$2 break; proxy_pass http://main;${headers} }
  }
  server {
    listen 127.0.0.1:${input.httpsPort} ssl http2;
    server_name rsa.test;
    ssl_certificate ${input.folder}/rsa-cert.pem;
    ssl_certificate_key ${input.folder}/rsa-key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://main;${headers} }
  }
  server {
    listen 127.0.0.1:${input.httpPort};
    server_name ${REGEX_HOST};
${regexes.join('\n')}
  }
  server {
    listen 127.0.0.1:${input.httpPort};
    server_name ${hostName(0)};
${everyPath.map((path) => `    location ${path} { proxy_pass http://main;${headers} }`).join('\n')}
  }`,
  );
}

/** nginx with a server for each of the 10,000 hosts. */
export function hostsConfig(input: PeerInput): string {
  const servers = Array.from({ length: HOST_COUNT }, (_, index) => hostServer(input, index));
  return http(
    input,
    `
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
${headersWith('""')}${BODIES}
${servers.join('\n')}`,
  );
}
