import { defineFeature, type Parser } from '../kit/feature.ts';
import { pathcap } from '../kit/values.ts';

export interface AppRootPolicy {
  readonly path: string;
}

const path: Parser<string> = (raw) => {
  const parsed = pathcap(raw);
  if (!parsed.ok) return parsed;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(raw) ? { ok: false, problem: 'is an absolute URL' } : parsed;
};

/** Redirects the bare host to a path (docs/reference/annotations.md §2). */
export const appRoot = defineFeature({
  name: 'app-root',
  doc: 'Where the root of the host leads.',
  scope: 'host',
  stage: 'host',
  annotations: {
    'app-root': {
      parse: path,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'A request for exactly `/` is answered 302 to this path, before everything else.',
    },
  },
  translate: (values): AppRootPolicy | undefined =>
    values['app-root'] === undefined ? undefined : { path: values['app-root'] },
  createFilter: (policy) => ({
    onRequest: (request) =>
      request.path === '/'
        ? {
            status: 302,
            headers: [['Location', `${request.connectionScheme}://${request.hostHeader}${policy.path}`]],
          }
        : undefined,
  }),
});
