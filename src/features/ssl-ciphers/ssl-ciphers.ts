import { createSecureContext } from 'node:tls';
import type { SslCiphersPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { ciphers } from '../kit/values.ts';

/** The ciphers that a host's handshakes are offered (docs/reference/routing.md §7.4). */
export const sslCiphers = defineFeature({
  name: 'ssl-ciphers',
  doc: 'Ciphers of TLS 1.2, for a whole host.',
  scope: 'host',
  annotations: {
    'ssl-ciphers': {
      parse: ciphers,
      risk: 'low',
      onInvalid: 'drop',
      doc: 'OpenSSL cipher list, in place of the ConfigMap’s `ssl-ciphers`. The first Ingress of the host with one decides.',
      difference: 'a list that OpenSSL refuses is an Event, and holds up nothing else',
    },
  },
  translate: (values, context): SslCiphersPolicy | undefined => {
    const list = values['ssl-ciphers'];
    if (list === undefined || list === '') return undefined;
    try {
      createSecureContext({ ciphers: list });
    } catch (error) {
      context.findings.warn(context.source, 'InvalidAnnotation', {
        field: 'metadata.annotations[ssl-ciphers]',
        value: list,
        problem: `is refused by OpenSSL (${(error as Error).message})`,
        consequence: 'the ciphers of the ConfigMap are used',
      });
      return undefined;
    }
    return { list };
  },
});
