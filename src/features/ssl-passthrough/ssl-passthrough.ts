import { defineFeature } from '../kit/feature.ts';
import { bool } from '../kit/values.ts';

/** TLS for the hosts goes to the Service as it is (docs/reference/routing.md §13); which Service, and whether, is seen to where hosts are put together. */
export const sslPassthrough = defineFeature({
  name: 'ssl-passthrough',
  doc: 'TLS goes to the Service as it is, by the server name in its hello.',
  scope: 'host',
  passesTlsThrough: true,
  annotations: {
    'ssl-passthrough': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      fallback: false,
      doc: '`true`: TLS connections for the hosts go to the cluster IP of the Service at their path `/`, without being terminated. Needs `--enable-ssl-passthrough`.',
      difference: 'wildcard hosts are passed through as well, and a headless Service’s Pods are connected to',
    },
  },
  translate: (values): { isPassedThrough: true } | undefined =>
    values['ssl-passthrough'] === true ? { isPassedThrough: true } : undefined,
});
