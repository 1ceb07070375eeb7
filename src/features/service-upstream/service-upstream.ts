import type { ServiceUpstreamPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { bool } from '../kit/values.ts';

/** One endpoint, the Service's cluster IP, in place of its Pods (docs/reference/routing.md §10). */
export const serviceUpstream = defineFeature({
  name: 'service-upstream',
  doc: 'Send to the cluster IP of the Service.',
  scope: 'upstream',
  isOfCanaries: true,
  usesClusterIp: ({ isClusterIp }) => isClusterIp,
  annotations: {
    'service-upstream': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'service-upstream',
      fallback: false,
      ifInvalid: false,
      doc: '`true`: the cluster IP is the only endpoint; headless Services keep their Pods.',
    },
  },
  translate: (values): ServiceUpstreamPolicy | undefined =>
    values['service-upstream'] === true ? { isClusterIp: true } : undefined,
});
