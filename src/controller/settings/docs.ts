import { INERT_KEYS } from './inert-keys.ts';
import { DATA_PLANE_KEYS } from './keys.ts';
import { NAMING_KEYS } from './settings.ts';
import { WORKER_KEY } from './worker-processes.ts';

/** Renders docs/configmap.md: the keys Serin reads, by who reads them. */
export function renderConfigMapDoc(
  featureKeys: readonly (readonly [key: string, feature: string])[],
  translateKeys: readonly string[],
): string {
  const list = (keys: readonly string[]) => keys.toSorted().map((key) => `- \`${key}\``);
  return [
    '# ConfigMap keys',
    '',
    'Made from the key tables (`src/controller/settings/keys.ts`) and the features; `UPDATE_DOCS=1 npx vitest run test/docs` writes it anew. Names,',
    'defaults and meanings are ingress-nginx’s. A value that cannot be read, and a key that is not on this page, is an Event on the ConfigMap; the',
    'default is used.',
    '',
    '## Of the whole data plane',
    '',
    ...list([...Object.keys(DATA_PLANE_KEYS), ...NAMING_KEYS, WORKER_KEY]),
    '',
    'TLS sessions are resumed only with `ssl-session-tickets: "true"`, by tickets whose key all workers share: that of ssl-session-ticket-key, else one of the process; a',
    'ticket counts for the name it was given under. Without it every handshake is a full one: there is no session cache (`ssl-session-cache`).',
    '',
    '`worker-processes` counts at start; a later change is an Event that says so. `--workers` counts before it.',
    '',
    '## Defaults of annotations, and keys of features',
    '',
    '| key | feature |',
    '| --- | --- |',
    ...featureKeys
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, feature]) => `| \`${key}\` | [${feature}](annotations.md#${feature}) |`),
    '',
    '## Of translation',
    '',
    ...list([...translateKeys]),
    '',
    '## Taken, with nothing to set in Serin',
    '',
    ...list(Object.keys(INERT_KEYS)),
    '',
  ].join('\n');
}
