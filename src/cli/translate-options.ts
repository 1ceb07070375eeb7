import { parseNamespacedName } from '../lib/namespaced-name.ts';
import type { CertificateModel } from '../model/model.ts';
import { DEFAULT_LISTENERS } from '../model/ports.ts';
import { RESERVING_FLAGS, type ReservedPort } from '../controller/translate/options.ts';
import type { ObjectRef } from '../controller/store/object-store.ts';
import type { TranslateOptions } from '../controller/translate/options.ts';
import { UsageError, type FlagReader } from './args.ts';

/** What the flags decide for translation, but for the ports. Throws UsageError that names the flag and its value. */
export function toTranslateOptions(
  flags: FlagReader,
  isStandalone: boolean,
  fallbackCertificate: CertificateModel,
): TranslateOptions {
  const canaryScope = flags.string('canary-scope');
  if (canaryScope !== 'route' && canaryScope !== 'upstream') {
    throw new UsageError(`--canary-scope: "${canaryScope}" is neither route nor upstream`, 2);
  }
  const hostOwnership = flags.string('host-ownership');
  if (hostOwnership !== 'none' && hostOwnership !== 'namespace') {
    throw new UsageError(`--host-ownership: "${hostOwnership}" is neither none nor namespace`, 2);
  }
  return {
    listeners: DEFAULT_LISTENERS,
    annotationsPrefix: flags.string('annotations-prefix'),
    ingressClass: flags.string('ingress-class'),
    controllerClass: flags.string('controller-class'),
    isClassMatchedByName: flags.boolean('ingress-class-by-name'),
    isWithoutClassServed: flags.boolean('watch-ingress-without-class'),
    // No API server fills in the default class of manifest files.
    isDefaultClassHonoured: isStandalone,
    watchNamespace: flags.string('watch-namespace'),
    watchNamespaceSelector: flags.string('watch-namespace-selector'),
    areAnnotationsValidated: flags.boolean('enable-annotation-validation'),
    isCatchAllDisabled: flags.boolean('disable-catch-all'),
    isExternalNameDisabled: flags.boolean('disable-svc-external-name'),
    isDeeplyInspected: flags.boolean('deep-inspect'),
    defaultBackendService: readRef(flags, 'default-backend-service'),
    defaultCertificateSecret: readRef(flags, 'default-ssl-certificate'),
    configMap: readRef(flags, 'configmap'),
    tcpServices: readRef(flags, 'tcp-services-configmap'),
    udpServices: readRef(flags, 'udp-services-configmap'),
    reservedPorts: readReservedPorts(flags),
    isPassthroughEnabled: flags.boolean('enable-ssl-passthrough'),
    fallbackCertificate,
    canaryScope,
    hostOwnership,
  };
}

function readReservedPorts(flags: FlagReader): readonly ReservedPort[] {
  const ports = RESERVING_FLAGS.map(([flag]) => ({ port: flags.number(flag), flag: `--${flag}` }));
  const webhook = /:(\d+)$/.exec(flags.string('validating-webhook'));
  return webhook === null ? ports : [...ports, { port: Number(webhook[1]), flag: '--validating-webhook' }];
}

/** A flag that is empty or `namespace/name`; undefined when empty. */
export function readRef(flags: FlagReader, name: string): ObjectRef | undefined {
  const text = flags.string(name);
  if (text === '') return undefined;
  const ref = parseNamespacedName(text);
  if (ref === undefined) throw new UsageError(`--${name}: "${text}" is not namespace/name`, 2);
  return ref;
}
