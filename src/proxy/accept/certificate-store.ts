import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type TlsSettings } from '../../table/settings.ts';
import type { CertificateEntry, TlsEntry } from '../../table/table.ts';

/** The part of a table that concerns TLS. */
export type CertificateChange = Pick<TableDelta, 'certificates' | 'tls' | 'settings'>;

/**
 * Which certificate answers which name. Contexts are built at the first handshake that needs them (0.2 ms each), so a
 * table with 10,000 certificates is taken in without holding up the event loop; they outlive table swaps.
 */
export interface CertificateStore {
  /** Takes in what changed. Never throws: a certificate that OpenSSL refuses is reported and the default serves. */
  apply(change: CertificateChange): void;
  /** The context for a server name (docs/reference/routing.md §7.1); undefined: the default certificate's. */
  contextFor(serverName: string): SecureContext | undefined;
  /** Whether a handshake for this name is refused (`ssl-reject-handshake`); undefined is a hello without a name. */
  isRefused(serverName: string | undefined): boolean;
  /** True while some names are refused, so that the hello has to be read ahead. */
  readonly isNameRequired: boolean;
  /** Changes with `defaultOptions`. */
  readonly defaultRevision: number;
  /** Options of the default certificate's context. */
  readonly defaultOptions: SecureContextOptions;
}

/** About 26 KiB each: beyond this many the least recently used goes, and is built again when asked for. */
const MAX_CONTEXTS = 4096;

/** Creates an empty store. `report` is told, once per certificate, what OpenSSL has against it. */
export function createCertificateStore(
  settings: TlsSettings,
  report: (problem: string) => void,
): CertificateStore {
  return new Store(settings, report);
}

class Store implements CertificateStore {
  defaultRevision = 0;
  defaultOptions: SecureContextOptions;
  isNameRequired: boolean;
  readonly #report: (problem: string) => void;
  readonly #certificates = new Map<string, CertificateEntry>();
  readonly #contexts = new Map<string, SecureContext>();
  readonly #broken = new Set<string>();
  #names: ReadonlyMap<string, string> = new Map();
  #defaultId = '';
  #settingsText: string;
  #parameters: SecureContextOptions;

  constructor(settings: TlsSettings, report: (problem: string) => void) {
    this.#report = report;
    this.#settingsText = JSON.stringify(settings);
    this.#parameters = this.#usableParameters(settings) ?? toParameters(DEFAULT_SETTINGS.tls);
    this.isNameRequired = settings.isUnknownNameRejected;
    this.defaultOptions = this.#parameters;
  }

  apply({ certificates, tls, settings }: CertificateChange): void {
    const settingsText = settings === undefined ? this.#settingsText : JSON.stringify(settings.tls);
    const isParameterChanged = settings !== undefined && settingsText !== this.#settingsText;
    if (isParameterChanged) {
      this.#settingsText = settingsText;
      this.#parameters = this.#usableParameters(settings.tls) ?? this.#parameters;
      this.isNameRequired = settings.tls.isUnknownNameRejected;
      this.#contexts.clear();
      this.#broken.clear();
    }
    for (const id of certificates.removed) this.#forget(id);
    for (const entry of certificates.set) {
      this.#forget(entry.id);
      this.#certificates.set(entry.id, entry);
    }
    if (tls !== undefined) this.#setNames(tls);
    const isDefaultTouched = certificates.set.some(({ id }) => id === this.#defaultId) || tls !== undefined;
    if (isParameterChanged || isDefaultTouched) this.#setDefault();
  }

  contextFor(serverName: string): SecureContext | undefined {
    const id = this.#idOf(serverName);
    return id === undefined ? undefined : this.#contextOf(id);
  }

  isRefused(serverName: string | undefined): boolean {
    return this.isNameRequired && (serverName === undefined || this.#idOf(serverName) === undefined);
  }

  #idOf(serverName: string): string | undefined {
    const lower = serverName.toLowerCase();
    const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
    const exact = this.#names.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot < 0 ? undefined : this.#names.get(`*${name.slice(dot)}`);
  }

  #contextOf(id: string): SecureContext | undefined {
    const known = this.#contexts.get(id);
    if (known !== undefined) {
      // Moves it to the end: a Map keeps the order of insertion, its first key is the least recently used.
      this.#contexts.delete(id);
      this.#contexts.set(id, known);
      return known;
    }
    const entry = this.#certificates.get(id);
    if (entry === undefined || this.#broken.has(id)) return undefined;
    const context = this.#build(entry);
    if (context === undefined) return undefined;
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    this.#contexts.set(id, context);
    return context;
  }

  #build({ id, certificate, key }: CertificateEntry): SecureContext | undefined {
    try {
      // OpenSSL takes an ECDSA certificate with an RSA key: it keeps a place for each kind.
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
        throw new Error('key mismatch');
      return createSecureContext({ ...this.#parameters, cert: certificate, key });
    } catch (error) {
      this.#broken.add(id);
      this.#report(
        `certificate ${id} cannot be used: ${(error as Error).message}; the default one is served`,
      );
      return undefined;
    }
  }

  /** Tried once without certificate: a cipher list that OpenSSL refuses must not take every host down. */
  #usableParameters(settings: TlsSettings): SecureContextOptions | undefined {
    const parameters = toParameters(settings);
    try {
      createSecureContext(parameters);
      return parameters;
    } catch (error) {
      const problem = (error as Error).message;
      this.#report(`TLS parameters cannot be used: ${problem}; the ones before stay in force`);
      return undefined;
    }
  }

  #setNames({ names, defaultCertificateId }: TlsEntry): void {
    this.#names = new Map(names);
    this.#defaultId = defaultCertificateId;
  }

  /** A default certificate that cannot be used leaves the one before it in place. */
  #setDefault(): void {
    const entry = this.#certificates.get(this.#defaultId);
    if (entry !== undefined && this.#contextOf(entry.id) !== undefined) {
      this.defaultOptions = { ...this.#parameters, cert: entry.certificate, key: entry.key };
    } else {
      const { cert, key } = this.defaultOptions;
      this.defaultOptions = { ...this.#parameters, cert, key };
    }
    this.defaultRevision++;
  }

  #forget(id: string): void {
    this.#certificates.delete(id);
    this.#contexts.delete(id);
    this.#broken.delete(id);
  }
}

/**
 * What all contexts have in common. Sessions are resumed by tickets under keys that all workers share, whichever worker
 * the client comes back to; a cache of its own would only serve the worker that filled it.
 */
function toParameters(settings: TlsSettings): SecureContextOptions {
  const ticketKey = settings.ticketKeys[0];
  const isReused = settings.isSessionReused && ticketKey !== undefined;
  return {
    // No trust store: otherwise OpenSSL completes a chain from it, at a cost per handshake. Served as given.
    ca: [],
    minVersion: settings.minVersion,
    maxVersion: settings.maxVersion,
    ciphers: withTls13(settings.ciphers),
    ecdhCurve: settings.ecdhCurve,
    honorCipherOrder: true,
    sessionTimeout: Math.max(1, Math.round(settings.sessionTimeoutMs / 1000)),
    sessionIdContext: 'serin',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (isReused ? 0 : constants.SSL_OP_NO_TICKET),
    ...(isReused ? { ticketKeys: toTicketKeys(ticketKey) } : undefined),
  };
}

const TLS13_CIPHERS = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/** nginx's list names TLS 1.2 suites only and leaves those of 1.3 as they are; Node takes one list for both. */
function withTls13(ciphers: string): string {
  return ciphers.includes('TLS_') ? ciphers : [...TLS13_CIPHERS, ciphers].join(':');
}

/** Node wants 48 bytes; a key of another length (nginx also takes 80) is stretched to that by its SHA-384. */
function toTicketKeys(base64: string): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === 48 ? bytes : createHash('sha384').update(bytes).digest();
}
