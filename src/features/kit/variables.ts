import type { LabelSet } from '../../table/table.ts';
import type { RequestView } from './filter.ts';

const VARIABLE = /\$(?:\{([a-zA-Z0-9_]+)\}|([a-zA-Z0-9_]+))/g;

/** Replaces nginx variables ($host, $request_uri, $http_x, $arg_x, $cookie_x ...) by their values; unknown ones by nothing. */
export function expandVariables(text: string, request: RequestView): string {
  return text.replace(VARIABLE, (_, braced: string | undefined, plain: string | undefined) =>
    variableOf(braced ?? plain ?? '', request),
  );
}

/** Fills in the variables that are the same for every request of a route: $namespace, $ingress_name, $service_name, $service_port. */
export function fillRouteVariables(text: string, labels: LabelSet | undefined): string {
  if (labels === undefined) return text;
  const { namespace, ingress, service, servicePort } = labels;
  const values = new Map([
    ['namespace', namespace],
    ['ingress_name', ingress],
    ['service_name', service],
    ['service_port', servicePort],
  ]);
  return text.replace(
    VARIABLE,
    (whole, braced: string | undefined, plain: string | undefined) =>
      values.get(braced ?? plain ?? '') ?? whole,
  );
}

function variableOf(name: string, request: RequestView): string {
  switch (name) {
    case 'host':
    case 'best_http_host':
      return name === 'host' ? request.host : request.seenHost;
    case 'http_host':
      return request.hostHeader;
    case 'scheme':
      return request.connectionScheme;
    case 'pass_access_scheme':
      return request.scheme;
    case 'request_uri':
      return request.target;
    case 'uri':
    case 'document_uri':
      return request.path;
    case 'args':
    case 'query_string':
      return request.query;
    case 'is_args':
      return request.query === '' ? '' : '?';
    case 'request_method':
      return request.method;
    case 'remote_addr':
      return request.clientAddress;
    case 'server_port':
      return String(request.localPort);
    case 'request_id':
    case 'req_id':
      return request.requestId;
  }
  if (name.startsWith('http_')) return request.header(name.slice(5).replaceAll('_', '-')) ?? '';
  if (name.startsWith('cookie_')) return request.cookie(name.slice(7)) ?? '';
  if (name.startsWith('arg_')) return argumentOf(request.query, name.slice(4));
  return '';
}

/** Raw value of a query argument, name without regard to case, as nginx gives it. */
function argumentOf(query: string, name: string): string {
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).toLowerCase() === name.toLowerCase())
      return pair.slice(equals + 1);
  }
  return '';
}
