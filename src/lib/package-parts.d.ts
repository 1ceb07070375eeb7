/*
 * Parts of packages, imported by their paths: the whole of each brings modules that nothing here uses, and their memory (node-forge 4 MB,
 * undici 6 MB).
 */
declare module 'node-forge/lib/asn1.js' {
  import forge from 'node-forge';
  const asn1: typeof forge.asn1;
  export default asn1;
}

declare module 'node-forge/lib/util.js' {
  import forge from 'node-forge';
  const util: typeof forge.util;
  export default util;
}

declare module 'node-forge/lib/pem.js' {
  import forge from 'node-forge';
  const pem: typeof forge.pem;
  export default pem;
}

declare module 'undici/lib/dispatcher/agent.js' {
  import { Agent } from 'undici';
  export default Agent;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici';
  /** Of a dispatcher that is `this`. */
  export default function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>;
}
