/*
 * Parts of node-forge, imported by their paths: the whole of it brings modules that nothing here uses, and 4 MB of memory.
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
