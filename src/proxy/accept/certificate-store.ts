import { constants, createHash, createPrivateKey, hash, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type TlsSettings } from '../../table/settings.ts';
import type { CertificateEntry, TlsEntry } from '../../table/table.ts';

/** The part of a table that concerns TLS. */
export type CertificateChange = Pick<TableDelta, 'certificates' | 'tls' | 'settings'>;

/** What handshakes under one certificate and one client-auth policy begin with; the same object as long as that is so. */
export interface TlsContext {
  readonly options: SecureContextOptions & { readonly sessionIdContext: string };
}

/**
 * Which certificate answers which name. Certificates are parsed at the first handshake that needs them (0.2 ms each), so a
 * table with 10,000 of them is taken in without holding up the event loop; contexts outlive table swaps.
 */
export interface CertificateStore {
  /** Takes in what changed. Never throws: a certificate that OpenSSL refuses is reported and the default serves. */
  apply(change: CertificateChange): void;
  /** The context for a server name (docs/reference/routing.md §7.1); that of the default certificate when there is none for it, or no name. */
  contextFor(serverName: string | undefined): TlsContext;
  /** Whether a handshake for this name is refused (`ssl-reject-handshake`); undefined is a hello without a name. */
  isRefused(serverName: string | undefined): boolean;
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

interface KnownContext extends TlsContext {
  readonly entry: CertificateEntry;
}

class Store implements CertificateStore {
  readonly #report: (problem: string) => void;
  readonly #certificates = new Map<string, CertificateEntry>();
  readonly #contexts = new Map<string, KnownContext>();
  readonly #broken = new Set<string>();
  #names: ReadonlyMap<string, string> = new Map();
  #defaultId = '';
  #default: TlsContext;
  /** For names that the table does not have: they may be hosts all the same, and resume no sessions of each other. */
  #strangers: TlsContext;
  #isNameRequired: boolean;
  #areSessionsResumed: boolean;
  #settingsText: string;
  #parameters: SecureContextOptions;

  constructor(settings: TlsSettings, report: (problem: string) => void) {
    this.#report = report;
    this.#settingsText = JSON.stringify(settings);
    this.#parameters = this.#usableParameters(settings) ?? toParameters(DEFAULT_SETTINGS.tls);
    this.#isNameRequired = settings.isUnknownNameRejected;
    this.#areSessionsResumed = areSessionsResumed(settings);
    this.#default = { options: { ...this.#parameters, sessionIdContext: sessionIdContextOf('') } };
    this.#strangers = this.#default;
  }

  apply({ certificates, tls, settings }: CertificateChange): void {
    const settingsText = settings === undefined ? this.#settingsText : JSON.stringify(settings.tls);
    const isParameterChanged = settings !== undefined && settingsText !== this.#settingsText;
    if (isParameterChanged) {
      this.#settingsText = settingsText;
      this.#parameters = this.#usableParameters(settings.tls) ?? this.#parameters;
      this.#isNameRequired = settings.tls.isUnknownNameRejected;
      this.#areSessionsResumed = areSessionsResumed(settings.tls);
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

  contextFor(serverName: string | undefined): TlsContext {
    if (serverName === undefined) return this.#default;
    const name = this.#nameOf(serverName);
    const context = name === undefined ? undefined : this.#contextOf(this.#names.get(name)!, name);
    return context ?? this.#strangers;
  }

  isRefused(serverName: string | undefined): boolean {
    return this.#isNameRequired && (serverName === undefined || this.#nameOf(serverName) === undefined);
  }

  /** The name or wildcard in the table that a server name falls under. */
  #nameOf(serverName: string): string | undefined {
    const lower = serverName.toLowerCase();
    const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
    if (this.#names.has(name)) return name;
    const dot = name.indexOf('.');
    const wildcard = dot < 0 ? '' : `*${name.slice(dot)}`;
    return this.#names.has(wildcard) ? wildcard : undefined;
  }

  /** Names that share a certificate share a context, unless sessions are resumed: those are the name's own (RFC 6066 §3). */
  #contextOf(id: string, name: string): TlsContext | undefined {
    const entry = this.#certificates.get(id);
    if (entry === undefined || this.#broken.has(id)) return undefined;
    const key = this.#areSessionsResumed ? `${name} ${id}` : id;
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      // Moves it to the end: a Map keeps the order of insertion, its first key is the least recently used.
      this.#contexts.delete(key);
      if (known.entry === entry) {
        this.#contexts.set(key, known);
        return known;
      }
    }
    if (!this.#isUsable(entry)) return undefined;
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    const context = { options: this.#optionsOf(entry, key), entry };
    this.#contexts.set(key, context);
    return context;
  }

  #optionsOf({ certificate, key }: CertificateEntry, sessions: string): TlsContext['options'] {
    return { ...this.#parameters, cert: certificate, key, sessionIdContext: sessionIdContextOf(sessions) };
  }

  #isUsable({ id, certificate, key }: CertificateEntry): boolean {
    if (this.#broken.has(id)) return false;
    try {
      // OpenSSL takes an ECDSA certificate with an RSA key: it keeps a place for each kind.
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
        throw new Error('key mismatch');
      createSecureContext({ ...this.#parameters, cert: certificate, key });
      return true;
    } catch (error) {
      this.#broken.add(id);
      this.#report(
        `certificate ${id} cannot be used: ${(error as Error).message}; the default one is served`,
      );
      return false;
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
    if (entry !== undefined && this.#isUsable(entry)) {
      this.#default = { options: this.#optionsOf(entry, entry.id) };
    } else {
      const { cert, key, sessionIdContext } = this.#default.options;
      this.#default = { options: { ...this.#parameters, cert, key, sessionIdContext } };
    }
    this.#strangers = this.#areSessionsResumed
      ? { options: { ...this.#default.options, ...WITHOUT_TICKETS, ticketKeys: undefined } }
      : this.#default;
  }

  #forget(id: string): void {
    this.#certificates.delete(id);
    this.#broken.delete(id);
  }
}

function areSessionsResumed({ isSessionReused, ticketKeys }: TlsSettings): boolean {
  return isSessionReused && ticketKeys.length > 0;
}

/** OpenSSL resumes a session only under the text that it began under, of 32 characters at most. */
function sessionIdContextOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}

/**
 * What all contexts have in common. Sessions are resumed by tickets under keys that all workers share, whichever worker
 * the client comes back to; a cache of its own would only serve the worker that filled it.
 */
function toParameters(settings: TlsSettings): SecureContextOptions {
  const isReused = areSessionsResumed(settings);
  return {
    // No trust store: otherwise OpenSSL completes a chain from it, at a cost per handshake. Served as given.
    ca: [],
    minVersion: settings.minVersion,
    maxVersion: settings.maxVersion,
    ciphers: withTls13(settings.ciphers),
    ecdhCurve: settings.ecdhCurve,
    honorCipherOrder: true,
    sessionTimeout: Math.max(1, Math.round(settings.sessionTimeoutMs / 1000)),
    ...(isReused
      ? {
          secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
          ticketKeys: toTicketKeys(settings.ticketKeys[0]!),
        }
      : WITHOUT_TICKETS),
  };
}

const WITHOUT_TICKETS: SecureContextOptions = {
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET,
};

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
