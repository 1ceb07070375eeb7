import type { Finding } from '../../model/finding.ts';
import type { CertificateModel, Model } from '../../model/model.ts';
import { DEFAULT_LISTENERS, type Listener } from '../../model/ports.ts';
import type { OwnershipOptions } from '../store/ownership.ts';
import type { ObjectRef } from '../store/object-store.ts';

/** What flags decide for translation. Constant for the life of the process. */
export interface TranslateOptions extends OwnershipOptions {
  /** What a fleet opens. */
  readonly listeners: readonly Listener[];
  /** --annotations-prefix, without slash. */
  readonly annotationsPrefix: string;
  /** --enable-annotation-validation: the characters of texts are judged. */
  readonly areAnnotationsValidated: boolean;
  /** --disable-catch-all. */
  readonly isCatchAllDisabled: boolean;
  /** --disable-svc-external-name. */
  readonly isExternalNameDisabled: boolean;
  /** --deep-inspect. */
  readonly isDeeplyInspected: boolean;
  /** --default-backend-service; undefined: a built-in 404 answers. */
  readonly defaultBackendService?: ObjectRef;
  /** --default-ssl-certificate. */
  readonly defaultCertificateSecret?: ObjectRef;
  /** Served where no other certificate is: made at start. */
  readonly fallbackCertificate: CertificateModel;
  /** Zone of the controller's node (--enable-topology-aware-routing); undefined: endpoints of all zones are used. */
  readonly zone?: string;
  /** --configmap. */
  readonly configMap?: ObjectRef;
  /** --tcp-services-configmap and --udp-services-configmap. */
  readonly tcpServices?: ObjectRef;
  readonly udpServices?: ObjectRef;
  /** What no TCP or UDP service may have. */
  readonly reservedPorts: readonly ReservedPort[];
  /** --enable-ssl-passthrough. */
  readonly isPassthroughEnabled: boolean;
  /** --canary-scope: `upstream` reproduces ingress-nginx's leak (docs/reference/annotations.md §1.2). */
  readonly canaryScope: 'route' | 'upstream';
  /** --host-ownership: `namespace` keeps a host to the namespace that was first on it. */
  readonly hostOwnership: 'none' | 'namespace';
}

/** A port of the controller's own, with the flag that says so. */
export interface ReservedPort {
  readonly port: number;
  readonly flag: string;
}

/** Flags of ports that no service may have, as in ingress-nginx, even where Serin opens nothing there; with their defaults. */
export const RESERVING_FLAGS: readonly (readonly [flag: string, port: number])[] = [
  ['http-port', 80],
  ['https-port', 443],
  ['ssl-passthrough-proxy-port', 442],
  ['default-server-port', 8181],
  ['profiler-port', 10245],
  ['status-port', 10246],
  ['stream-port', 10247],
  ['healthz-port', 10254],
];

/** ingress-nginx's defaults of the flags. */
export const DEFAULT_TRANSLATE_OPTIONS: Omit<TranslateOptions, 'fallbackCertificate'> = {
  listeners: DEFAULT_LISTENERS,
  annotationsPrefix: 'nginx.ingress.kubernetes.io',
  ingressClass: 'nginx',
  controllerClass: 'k8s.io/ingress-nginx',
  isClassMatchedByName: false,
  isWithoutClassServed: false,
  areAnnotationsValidated: true,
  isDefaultClassHonoured: false,
  watchNamespace: '',
  watchNamespaceSelector: '',
  isCatchAllDisabled: false,
  isExternalNameDisabled: false,
  isDeeplyInspected: true,
  reservedPorts: RESERVING_FLAGS.map(([flag, port]) => ({ port, flag: `--${flag}` })),
  isPassthroughEnabled: false,
  canaryScope: 'route',
  hostOwnership: 'none',
};

/** What one snapshot becomes. */
export interface Translation {
  readonly model: Model;
  /** Of all objects of ours, oldest Ingress first. */
  readonly findings: readonly Finding[];
  /** Secrets and ConfigMaps that served objects name, there or not, sorted. */
  readonly references: {
    readonly secrets: readonly ObjectRef[];
    readonly configMaps: readonly ObjectRef[];
    /** URLs of key sets. */
    readonly keySets: readonly string[];
  };
  /** Ingresses that are served, oldest first: whose status and Sync Events are ours to write. */
  readonly served: readonly ObjectRef[];
}
