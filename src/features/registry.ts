import { affinity } from './affinity/affinity.ts';
import { appRoot } from './app-root/app-root.ts';
import { authTls } from './auth-tls/auth-tls.ts';
import { backendProtocol } from './backend-protocol/backend-protocol.ts';
import { body } from './body/body.ts';
import { canary } from './canary/canary.ts';
import { basicAuth } from './basic-auth/basic-auth.ts';
import { blocklists } from './blocklists/blocklists.ts';
import { customHeaders } from './custom-headers/custom-headers.ts';
import { cors } from './cors/cors.ts';
import { ipAccess } from './ip-access/ip-access.ts';
import { errorPages } from './error-pages/error-pages.ts';
import { externalAuth } from './external-auth/external-auth.ts';
import { healthCheck } from './health-check/health-check.ts';
import type { Feature } from './kit/feature.ts';
import { jwt } from './jwt/jwt.ts';
import { limitRate } from './limit-rate/limit-rate.ts';
import { limits } from './limits/limits.ts';
import { loadBalance } from './load-balance/load-balance.ts';
import { logging } from './logging/logging.ts';
import { mirror } from './mirror/mirror.ts';
import { openTelemetry } from './opentelemetry/opentelemetry.ts';
import { proxyCookie } from './proxy-cookie/proxy-cookie.ts';
import { proxyRedirect } from './proxy-redirect/proxy-redirect.ts';
import { proxySsl } from './proxy-ssl/proxy-ssl.ts';
import { redirect } from './redirect/redirect.ts';
import { retry } from './retry/retry.ts';
import { rewrite } from './rewrite/rewrite.ts';
import { satisfy } from './satisfy/satisfy.ts';
import { serverAlias } from './server-alias/server-alias.ts';
import { serviceUpstream } from './service-upstream/service-upstream.ts';
import { sslCiphers } from './ssl-ciphers/ssl-ciphers.ts';
import { sslPassthrough } from './ssl-passthrough/ssl-passthrough.ts';
import { sslPreferServerCiphers } from './ssl-prefer-server-ciphers/ssl-prefer-server-ciphers.ts';
import { sslRedirect } from './ssl-redirect/ssl-redirect.ts';
import { timeouts } from './timeouts/timeouts.ts';
import { wwwRedirect } from './www-redirect/www-redirect.ts';
import { upstreamVhost } from './upstream-vhost/upstream-vhost.ts';

// oxlint-disable-next-line no-explicit-any -- each feature has value and policy types of its own
type AnyFeature = Feature<any, any>;

/** THE list of features. Its order is the order in which filters of one stage run (docs/reference/evaluation-order.md §1). */
export const features: readonly AnyFeature[] = [
  authTls, // before all else: who shows no certificate is told nothing of the host
  blocklists, // before app-root: who is blocked is not redirected either
  wwwRedirect, // before app-root: the other name has no root of its own
  appRoot,
  serverAlias,
  sslPassthrough,
  sslCiphers,
  sslPreferServerCiphers,
  openTelemetry, // before all of a route: what is refused is a span, too
  cors, // before what else a route does: a preflight is answered whatever that asks for
  redirect, // before the rewrite and the SSL redirect: an explicit redirect is answered over plain http
  rewrite, // before the SSL redirect: a rewrite that gives nothing is a 500 on either scheme
  sslRedirect,
  limits, // before all checks of access: whoever is refused has made a request
  mirror, // behind the limits: what is refused is not copied
  ipAccess, // the first check of access: an address costs least to look at
  basicAuth,
  jwt, // before whoever is asked elsewhere: a signature is checked here
  externalAuth, // the last check of access: it asks another server
  satisfy,
  upstreamVhost,
  errorPages,
  proxyRedirect,
  proxyCookie,
  customHeaders, // after what else sets response headers: its own stand
  timeouts,
  body,
  limitRate,
  retry,
  backendProtocol,
  proxySsl,
  serviceUpstream,
  loadBalance,
  healthCheck,
  affinity,
  canary,
  logging,
];
