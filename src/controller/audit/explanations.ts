import type { FindingReason } from '../../model/finding.ts';
import type { QuirkCode } from './path-quirks.ts';

/** What `serin check` may report. */
export type AuditCode = FindingReason | QuirkCode;

/** What each code means and what to do about it: `serin check --explain CODE`. */
export const EXPLANATIONS: Readonly<Record<AuditCode, string>> = {
  AliasConflict:
    'A server-alias names what is a host already, or what an older Ingress has as an alias. A host comes before an alias, and the older alias before the younger. Take the name out of one of them.',
  CanaryNotEnabled:
    'Annotations of a canary stand on an Ingress without canary: "true". They do nothing, as in ingress-nginx. Set canary: "true", or remove them.',
  CanaryUnused:
    'A canary has nothing to be the canary of: no other Ingress has the same host and path, or an older canary has it. Its Service gets no requests.',
  CatchAllDisabled:
    '--disable-catch-all forbids Ingresses without a host, or with a default backend alone. The Ingress is not served.',
  CertificateConflict:
    'Two Ingresses of one host name different Secrets in spec.tls. The oldest Ingress decides for the host, as in ingress-nginx.',
  CertificateExpired:
    'Clients refuse the certificate, as it has expired. It is served all the same. Renew it.',
  CertificateExpiresSoon: 'The certificate expires within days. Renew it, or look at what was to renew it.',
  CertificateMismatch:
    'The certificate does not cover the host, so that clients would refuse it. The default certificate is served for the host.',
  CrossNamespace:
    'An Ingress of one namespace decides for a host or a path of another: a certificate, an app-root, a canary, an equal path. ingress-nginx does the same in silence. --host-ownership=namespace keeps a host to the namespace that was first on it.',
  DuplicateObject:
    'Two manifests define the same object. The first one counts; a cluster would take the last one that was applied.',
  EmptyIngress: 'An Ingress with neither rules nor a default backend serves nothing.',
  ExternalNameDisabled:
    'A Service of type ExternalName is named, and --disable-svc-external-name forbids them. The path answers 503.',
  ForeignAnnotation:
    'An annotation has the usual prefix nginx.ingress.kubernetes.io, but --annotations-prefix says another. It is not read, as in ingress-nginx.',
  HostConflict:
    'A from-to-www-redirect would take a name that is a host of its own. No redirect is made for it.',
  HostNotOwned:
    'With --host-ownership=namespace a host belongs to the namespace that was first on it. What this Ingress says of the host is not taken.',
  IneffectiveAnnotation:
    'An annotation is well-formed and has no effect where it stands; ingress-nginx ignores it in silence. An error where it looks like a protection and is none.',
  InternalError: "A fault of Serin's own. The Ingress fails closed: its routes answer 503. Please report it.",
  InvalidAlias:
    'A server-alias is neither a host name, a wildcard nor a regular expression that can be used. It is left out.',
  InvalidAnnotation:
    'The value cannot be read. By its kind the default is used, the whole group is ignored, or the routes answer 503; docs/annotations.md says which for each.',
  InvalidCertificate:
    'The Secret holds no certificate and key that belong together. The default certificate is served.',
  InvalidExternalName:
    'The externalName of a Service is no name that can be looked up. Its paths answer 503.',
  InvalidField:
    'A field of the object has a shape its kind does not have. What cannot be read is left out, the rest counts.',
  InvalidHost: 'The host of a rule is no host name. The rule is not served.',
  InvalidObject:
    'The object is none that Kubernetes would take: a required field is missing or has another type.',
  InvalidPassword:
    'The users of an auth-secret have lines by which nobody comes in: a hash that is cut short, in no format that is known, or that costs too much to check. Make it anew with `htpasswd -B`.',
  InvalidPath:
    'The path cannot be served: it does not begin with a slash, is too long, or is no regular expression on a host of such.',
  InvalidSetting:
    'The value of a ConfigMap key cannot be read. The default is used, and the other keys count.',
  LiteralPath:
    'A path such as /* looks like a pattern, but no path of the host has use-regex or a rewrite-target, so that only requests with these very characters match. Use /, or set use-regex: "true".',
  MissingKeys:
    'The keys that tokens are checked by are not there: their server does not answer, or answers with none. The routes answer 503 until it does.',
  MissingSecret:
    'A Secret that is named does not exist, or may not be read. What needs it fails closed, or the default certificate is served.',
  MissingService: 'A Service that is named does not exist. Requests for its paths are answered 503.',
  NoCertificate:
    'spec.tls names no Secret for the host, or one without a certificate. The default certificate is served.',
  PathConflict:
    'A host has the same path twice, or twice as the same regular expression. The oldest one gets the requests, as in ingress-nginx.',
  RefusedIngress:
    'The Ingress has what ingress-nginx refuses as a whole, such as an annotation above annotations-risk-level. It is not taken in; the last form that was keeps serving.',
  RegexContagion:
    'One use-regex or rewrite-target makes all paths of a host case-insensitive regular expressions that match at the beginning of the path, those of other Ingresses too. So does ingress-nginx. Give the paths a host of their own, or write them as patterns with (/|$).',
  RegexExact:
    'On a host of regular expressions a path of type Exact is a pattern like any other, and matches whatever begins so. Write $ at its end.',
  RegexPrefix:
    'On a host of regular expressions a Prefix path is not matched by path elements: /api matches /apiary. Write /api(/|$) where that is not meant.',
  SlowPattern:
    'A regular expression cannot be matched in linear time, or is too long, or there are too many on a host. It runs under a time limit, or is refused; the finding says which.',
  UnknownAnnotation:
    'No annotation of ingress-nginx has that name; ingress-nginx ignores it in silence. The nearest name is given where there is one.',
  UnknownIngressClass:
    'The Ingress names our class, but there is no such IngressClass. It is not served. Create the class.',
  UnknownPort: 'The Service has no such port. The paths answer 503.',
  UnknownVariable: 'A text has a variable that does not exist. It is filled in with nothing.',
  UnreachableServer:
    'An authentication server cannot be asked: its host is no name, or its Service or port does not exist. Nobody is let in meanwhile: requests answer 500.',
  UnreadableFile: 'A file cannot be read, or is not YAML. Nothing of it counts.',
  UnsafeText: 'A text has characters that have no place in what is sent or matched. It is refused.',
  UnsupportedAnnotation:
    'Serin does not honour the annotation, or not with this value. What happens stands beside it. Where there is another way to the same end, it is named.',
  UnsupportedBackend:
    'A backend is a resource rather than a Service. The path is not served, as in ingress-nginx.',
  SettingNotInForce:
    'The ConfigMap key is honoured, but not in force as it stands: it counts from the next start on, or a flag counts before it. Restart Serin, or take the flag away.',
  UnsupportedSetting:
    'Serin does not honour the ConfigMap key. What happens stands beside it. Where there is another way to the same end, it is named.',
  UnsupportedVersion:
    'The object has an apiVersion that is not served any more. Write it as networking.k8s.io/v1.',
  UpstreamConflict:
    'Two Ingresses ask for different balancing of one Service port. The Ingress that names it first decides, as in ingress-nginx.',
};

/** The text of a code, whatever the case of its letters; undefined: there is no such code. */
export function explain(code: string): { readonly code: string; readonly text: string } | undefined {
  const found = Object.entries(EXPLANATIONS).find(([name]) => name.toLowerCase() === code.toLowerCase());
  return found && { code: found[0], text: found[1] };
}
