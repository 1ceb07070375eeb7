import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import { splitList } from '../../lib/nginx-values.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature } from '../kit/feature.ts';
import { basic } from '../kit/values.ts';

export interface CustomHeadersPolicy {
  /** Response headers, in the order of their names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const NAME = /^[A-Za-z0-9_-]+$/;
const VALUE = /^[A-Za-z0-9_ :;.,\\/"'?!(){}[\]@<>=\-+*#$&|~^%`]+$/;

/** Response headers of a ConfigMap's making (docs/reference/annotations.md §9). `$` stands for itself: no text is ever evaluated. */
export const customHeaders = defineFeature({
  name: 'custom-headers',
  doc: 'Sets response headers, in place of those of the same names.',
  scope: 'route',
  annotations: {
    'custom-headers': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'deny',
      doc: '`namespace/name` of a ConfigMap, whatever its namespace: each key is a header of every response. The names must be in the ConfigMap key global-allowed-response-headers.',
    },
  },
  configMapKeys: {
    'global-allowed-response-headers': 'Names that custom-headers may set, as they are written.',
  },
  translate: (values, context): CustomHeadersPolicy | undefined => {
    const { lookup, setting } = context;
    const reference = values['custom-headers'];
    if (reference === undefined || reference === '') return undefined;
    const refuse = (problem: string) => {
      const field = 'metadata.annotations[custom-headers]';
      return denyRoutes(context, 'InvalidAnnotation', { field, value: reference, problem });
    };
    const named = parseNamespacedName(reference);
    if (named === undefined) return refuse('is not namespace/name');
    const data = lookup.configMap(named.namespace, named.name);
    if (data === undefined) return refuse('is a ConfigMap that does not exist');
    const allowed = new Set(splitList(setting('global-allowed-response-headers') ?? ''));
    for (const [name, value] of data) {
      if (!NAME.test(name)) return refuse(`has the key "${name}", which is no header name`);
      if (!VALUE.test(value)) return refuse(`has a value for "${name}" that is no header value`);
      if (!allowed.has(name)) {
        return refuse(`has the header "${name}", which global-allowed-response-headers does not list`);
      }
    }
    if (data.size === 0) {
      context.findings.warn(context.source, 'IneffectiveAnnotation', {
        field: 'metadata.annotations[custom-headers]',
        value: reference,
        problem: 'is a ConfigMap without data',
        consequence: 'no header is set',
      });
    }
    const headers = [...data].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return headers.length === 0 ? undefined : { headers };
  },
  createFilter: ({ headers }) => ({
    onResponse(response) {
      for (const [name, value] of headers) response.set(name, value);
    },
  }),
});
