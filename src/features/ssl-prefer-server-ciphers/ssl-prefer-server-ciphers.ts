import type { CipherOrderPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { bool } from '../kit/values.ts';

/** Whose order of ciphers counts on a host (docs/reference/routing.md §7.4). */
export const sslPreferServerCiphers = defineFeature({
  name: 'ssl-prefer-server-ciphers',
  doc: 'Whose order of ciphers counts, for a whole host.',
  scope: 'host',
  annotations: {
    'ssl-prefer-server-ciphers': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      doc: '`true`: the order of the cipher list decides, as it does without the annotation. `false`: that of the client. The first Ingress of the host with one decides.',
    },
  },
  translate: (values): CipherOrderPolicy | undefined => {
    const isOurs = values['ssl-prefer-server-ciphers'];
    return isOurs === undefined ? undefined : { isOurs };
  },
});
