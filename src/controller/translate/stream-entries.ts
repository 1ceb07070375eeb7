import { parseGoInt } from '../../lib/nginx-values.ts';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';

/** One port of a ConfigMap of services: `<port>: <namespace>/<service>:<port>[:PROXY][:PROXY]`. */
export interface StreamEntry {
  /** As it is written, for findings. */
  readonly key: string;
  readonly value: string;
  readonly port: number;
  readonly namespace: string;
  readonly service: string;
  /** Number or name. */
  readonly servicePort: string;
  readonly isProxyProtocolRead: boolean;
  readonly isProxyProtocolSent: boolean;
  /** What of the value has no effect; undefined: all of it has. */
  readonly vain: string | undefined;
}

export type StreamEntryResult =
  | { readonly ok: true; readonly entry: StreamEntry }
  | { readonly ok: false; readonly problem: string };

/** Reads an entry as ingress-nginx does (docs/reference/routing.md §13). */
export function readStreamEntry(key: string, value: string, protocol: 'TCP' | 'UDP'): StreamEntryResult {
  const port = parseGoInt(key);
  if (port === undefined || port < 1 || port > 65_535)
    return { ok: false, problem: 'stands under a key that is not a port number from 1 to 65535' };
  const [named = '', servicePort = '', read = '', sent = '', ...rest] = value.trim().split(':');
  const ref = parseNamespacedName(named);
  if (ref === undefined || servicePort === '')
    return { ok: false, problem: 'is not namespace/service:port, which :PROXY may follow once or twice' };
  const isRead = isProxy(read);
  // Only where nothing else follows, as there.
  const isSent = isProxy(sent) && rest.length === 0;
  const { namespace, name: service } = ref;
  return {
    ok: true,
    entry: {
      key,
      value,
      port,
      namespace,
      service,
      servicePort,
      isProxyProtocolRead: protocol === 'TCP' && isRead,
      isProxyProtocolSent: protocol === 'TCP' && isSent,
      vain: vainOf(protocol, [read, sent, ...rest]),
    },
  };
}

function isProxy(text: string): boolean {
  return text.toUpperCase() === 'PROXY';
}

function vainOf(protocol: 'TCP' | 'UDP', more: readonly string[]): string | undefined {
  if (more.every((text) => text === '')) return undefined;
  if (protocol === 'UDP') return 'has more than a Service and a port, which for UDP means nothing';
  if (more.length > 2) return 'has more behind the second PROXY';
  const odd = more.find((text) => text !== '' && !isProxy(text));
  return odd === undefined ? undefined : `has "${odd}" where only PROXY means anything`;
}
