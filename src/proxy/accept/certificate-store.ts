import { revealBytes } from '../../lib/redacted-bytes.ts';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type TlsSettings } from '../../table/settings.ts';
import type { ClientAuthPolicy } from '../../model/policy.ts';
import type { CertificateEntry, TlsEntry } from '../../table/table.ts';
import type { TlsServerContext, TlsServerOptions, Transport } from '../transport/transport.ts';

/** The part of a table that concerns TLS. */
export type CertificateChange = Pick<TableDelta, 'certificates' | 'tls' | 'settings'>;

/**
 * Which certificate answers which name. Certificates are parsed at the first handshake that needs them (0.2 ms each), so a
 * table with 10,000 of them is taken in without holding up the event loop; contexts outlive table swaps.
 */
export interface CertificateStore {
  /** Takes in what changed. Never throws: a certificate that OpenSSL refuses is reported and the default serves. */
  apply(change: CertificateChange): void;
  /** The context for a server name (docs/reference/routing.md §7.1); that of the default certificate when there is none for it, or no name. */
  contextFor(serverName: string | undefined, clientAuth?: ClientAuthPolicy): TlsServerContext;
  /** Whether a handshake for this name is refused (`ssl-reject-handshake`); undefined is a hello without a name. */
  isRefused(serverName: string | undefined): boolean;
}

/** About 26 KiB each: beyond this many the least recently used goes, and is built again when asked for. */
const MAX_CONTEXTS = 4096;

/** Creates an empty store. `report` is told, once per certificate, what OpenSSL has against it. */
export function createCertificateStore(
  transport: Pick<Transport, 'createServerContext'>,
  settings: TlsSettings,
  report: (problem: string) => void,
): CertificateStore {
  return new Store(transport, settings, report);
}

/** What all contexts have in common. */
type Parameters = Omit<TlsServerOptions, 'certificate' | 'key' | 'sessionScope'>;

interface KnownContext {
  readonly context: TlsServerContext;
  readonly entry: CertificateEntry;
}

class Store implements CertificateStore {
  readonly #transport: Pick<Transport, 'createServerContext'>;
  readonly #report: (problem: string) => void;
  readonly #certificates = new Map<string, CertificateEntry>();
  readonly #contexts = new Map<string, KnownContext>();
  readonly #broken = new Set<string>();
  /** By id of what clients are asked for. */
  readonly #askingDefaults = new Map<string, TlsServerContext>();
  #names: ReadonlyMap<string, string> = new Map();
  #defaultId = '';
  #defaultOptions: TlsServerOptions;
  #default: TlsServerContext;
  /** For names that the table does not have: they may be hosts all the same, and resume no sessions of each other. */
  #strangers: TlsServerContext;
  #isNameRequired: boolean;
  #areSessionsResumed: boolean;
  #settingsText: string;
  #parameters: Parameters;

  constructor(
    transport: Pick<Transport, 'createServerContext'>,
    settings: TlsSettings,
    report: (problem: string) => void,
  ) {
    this.#transport = transport;
    this.#report = report;
    this.#settingsText = JSON.stringify(settings);
    this.#parameters = this.#usableParameters(settings) ?? toParameters(DEFAULT_SETTINGS.tls);
    this.#isNameRequired = settings.isUnknownNameRejected;
    this.#areSessionsResumed = areSessionsResumed(settings);
    this.#defaultOptions = this.#optionsOf(undefined, '');
    this.#default = transport.createServerContext(this.#defaultOptions);
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

  contextFor(serverName: string | undefined, clientAuth?: ClientAuthPolicy): TlsServerContext {
    const name = serverName === undefined ? undefined : this.#nameOf(serverName);
    const context =
      name === undefined ? undefined : this.#contextOf(this.#names.get(name)!, name, clientAuth);
    if (context !== undefined) return context;
    if (clientAuth !== undefined) return this.#asking(clientAuth) ?? this.#strangers;
    return serverName === undefined ? this.#default : this.#strangers;
  }

  /** The default certificate, and a question to the client. */
  #asking(clientAuth: ClientAuthPolicy): TlsServerContext | undefined {
    const known = this.#askingDefaults.get(clientAuth.id);
    if (known !== undefined) return known;
    if (this.#askingDefaults.size >= MAX_CONTEXTS) this.#askingDefaults.clear();
    try {
      const context = this.#transport.createServerContext({
        ...this.#defaultOptions,
        ...questionOf(clientAuth),
      });
      this.#askingDefaults.set(clientAuth.id, context);
      return context;
    } catch (error) {
      this.#report(
        `a CA of clients cannot be used: ${(error as Error).message}; no certificate is asked for`,
      );
      return undefined;
    }
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
  #contextOf(
    id: string,
    name: string,
    clientAuth: ClientAuthPolicy | undefined,
  ): TlsServerContext | undefined {
    const entry = this.#certificates.get(id);
    if (entry === undefined || this.#broken.has(id)) return undefined;
    const key =
      clientAuth !== undefined ? `${clientAuth.id} ${id}` : this.#areSessionsResumed ? `${name} ${id}` : id;
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      // Moves it to the end: a Map keeps the order of insertion, its first key is the least recently used.
      this.#contexts.delete(key);
      if (known.entry === entry) {
        this.#contexts.set(key, known);
        return known.context;
      }
    }
    const options = this.#optionsOf(entry, key);
    const context = this.#createContext(
      entry,
      clientAuth === undefined ? options : { ...options, ...questionOf(clientAuth) },
    );
    if (context === undefined) return undefined;
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    this.#contexts.set(key, { context, entry });
    return context;
  }

  #optionsOf(entry: CertificateEntry | undefined, sessionScope: string): TlsServerOptions {
    return { ...this.#parameters, certificate: entry?.certificate, key: entry?.key, sessionScope };
  }

  #createContext(
    { id, certificate, key }: CertificateEntry,
    options: TlsServerOptions,
  ): TlsServerContext | undefined {
    if (this.#broken.has(id)) return undefined;
    try {
      // OpenSSL takes an ECDSA certificate with an RSA key: it keeps a place for each kind.
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(revealBytes(key))))
        throw new Error('key mismatch');
      return this.#transport.createServerContext(options);
    } catch (error) {
      this.#broken.add(id);
      this.#report(
        `certificate ${id} cannot be used: ${(error as Error).message}; the default one is served`,
      );
      return undefined;
    }
  }

  /** Tried once without certificate: a cipher list that OpenSSL refuses must not take every host down. */
  #usableParameters(settings: TlsSettings): Parameters | undefined {
    const parameters = toParameters(settings);
    try {
      this.#transport.createServerContext({
        ...parameters,
        certificate: undefined,
        key: undefined,
        sessionScope: '',
      });
      return parameters;
    } catch (error) {
      const problem = (error as Error).message;
      this.#report(`TLS parameters cannot be used: ${problem}; the ones before stay in force`);
      return undefined;
    }
  }

  #setNames({ names, defaultCertificateId }: TlsEntry): void {
    const ids = new Map<string, string>();
    for (const tls of names) if (tls.kind === 'terminate') ids.set(tls.name, tls.certificateId);
    this.#names = ids;
    this.#defaultId = defaultCertificateId;
  }

  /** A default certificate that cannot be used leaves the one before it in place. */
  #setDefault(): void {
    this.#askingDefaults.clear();
    const entry = this.#certificates.get(this.#defaultId);
    const wanted = this.#optionsOf(entry, this.#defaultId);
    const context = entry === undefined ? undefined : this.#createContext(entry, wanted);
    const options = context === undefined ? { ...this.#defaultOptions, ...this.#parameters } : wanted;
    try {
      this.#default = context ?? this.#transport.createServerContext(options);
      this.#strangers = this.#areSessionsResumed
        ? this.#transport.createServerContext({ ...options, ticketKey: undefined })
        : this.#default;
      this.#defaultOptions = options;
    } catch (error) {
      // Such as a security level that its key is too short for.
      this.#report(
        `TLS parameters cannot be used with the default certificate: ${(error as Error).message}; it is served as before`,
      );
    }
  }

  #forget(id: string): void {
    this.#certificates.delete(id);
    this.#broken.delete(id);
  }
}

/** What a handshake asks of the client. Such sessions are not resumed: every connection shows its certificate anew. */
function questionOf({ id, ca, crl }: ClientAuthPolicy): Partial<TlsServerOptions> {
  return { clientCa: ca, clientCrl: crl, ticketKey: undefined, sessionScope: `client ${id}` };
}

function areSessionsResumed({ isSessionReused, ticketKeys }: TlsSettings): boolean {
  return isSessionReused && ticketKeys.length > 0;
}

/**
 * Sessions are resumed by tickets under keys that all workers share, whichever worker the client comes back to; a cache of its own would
 * only serve the worker that filled it.
 */
function toParameters(settings: TlsSettings): Parameters {
  const { minVersion, maxVersion, ciphers, ecdhCurve, dhParameters, sessionTimeoutMs, ticketKeys } = settings;
  const ticketKey = areSessionsResumed(settings) ? revealBytes(ticketKeys[0]!) : undefined;
  return { minVersion, maxVersion, ciphers, ecdhCurve, dhParameters, sessionTimeoutMs, ticketKey };
}
