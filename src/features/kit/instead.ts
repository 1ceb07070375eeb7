/** The supported way to the same end, by annotation or ConfigMap key that is not honoured, or by one with a value that is not. */
const INSTEAD: Readonly<Record<string, string>> = {
  'configuration-snippet':
    'custom-headers, proxy-set-headers (ConfigMap), rewrite-target, permanent-redirect, enable-cors, denylist-source-range',
  'server-snippet':
    'an Ingress path of its own for a location, server-alias for names, permanent-redirect for redirects, block-user-agents (ConfigMap)',
  'auth-snippet': 'auth-proxy-set-headers, auth-response-headers',
  'global-auth-snippet': 'auth-proxy-set-headers (annotation), global-auth-response-headers',
  'auth-type: digest': 'auth-type: basic over TLS, or an authentication server (auth-url)',
  'stream-snippet': 'the ConfigMaps of --tcp-services-configmap and --udp-services-configmap',
  'main-snippet': 'keys of the ConfigMap',
  'http-snippet':
    'keys of the ConfigMap: add-headers, proxy-set-headers, custom-headers, client-header-timeout and others',
  'location-snippet': 'annotations of the Ingress, or their defaults in the ConfigMap',
  'enable-modsecurity': 'a web application firewall in front of Serin, or behind it as a Service',
  'enable-owasp-core-rules': 'a web application firewall in front of Serin, or behind it as a Service',
  'enable-owasp-modsecurity-crs': 'a web application firewall in front of Serin, or behind it as a Service',
  'modsecurity-snippet': 'a web application firewall in front of Serin, or behind it as a Service',
  'modsecurity-transaction-id': 'a web application firewall in front of Serin, or behind it as a Service',
  'opentelemetry-config': 'otlp-collector-host and the keys beside it',
  'backend-protocol: FCGI':
    'a web server with FastCGI (nginx, Caddy) beside the application, served over HTTP',
  'fastcgi-index': 'a web server with FastCGI (nginx, Caddy) beside the application, served over HTTP',
  'fastcgi-params-configmap':
    'a web server with FastCGI (nginx, Caddy) beside the application, served over HTTP',
  'enable-opentracing': 'enable-opentelemetry',
  'opentracing-operation-name': 'opentelemetry-operation-name',
  'opentracing-trust-incoming-span': 'opentelemetry-trust-incoming-span',
  'secure-backends': 'backend-protocol: HTTPS',
  'grpc-backend': 'backend-protocol: GRPC',
  'add-base-url': 'x-forwarded-prefix, which the application reads',
  'global-rate-limit': 'limit-rps, which counts in each replica',
  'global-rate-limit-window': 'limit-rps or limit-rpm',
  'rewrite-log': 'the access log, which has $uri as it was rewritten',
  'configuration-snippets': 'configuration-snippet, which is not evaluated either',
};

/** What happens, and the way to the same end where there is one: as Events, the admission webhook, `serin check` and docs/status.md say it. */
export function withInstead(refused: string, consequence: string): string {
  return Object.hasOwn(INSTEAD, refused) ? `${consequence}; instead: ${INSTEAD[refused]}` : consequence;
}
