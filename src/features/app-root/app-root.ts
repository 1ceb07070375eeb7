import { compileFieldTemplate } from '../../lib/variables/template.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { pathcap, plainText } from '../kit/values.ts';

export interface AppRootPolicy {
  readonly path: string;
}

const pathOf =
  (parse: Parser<string>): Parser<string> =>
  (raw) => {
    const parsed = parse(raw);
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
      parse: pathOf(pathcap),
      parseUnchecked: pathOf(plainText),
      risk: 'medium',
      onInvalid: 'default',
      doc: 'A request for exactly `/` is answered 302 to this path, before everything else. May contain $variables.',
    },
  },
  translate: (values, context): AppRootPolicy | undefined => {
    const path = values['app-root'];
    reportUnknownVariables(context, 'app-root', path);
    return path === undefined ? undefined : { path };
  },
  createFilter: ({ path }) => {
    const expand = compileFieldTemplate(path);
    return {
      onRequest(request) {
        if (request.path !== '/') return undefined;
        const location = `${request.connectionScheme}://${request.hostHeader}${expand(request)}`;
        return { status: 302, headers: [['Location', location]] };
      },
    };
  },
});
