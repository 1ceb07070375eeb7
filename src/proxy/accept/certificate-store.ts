import { revealBytes } from '../../lib/redacted-bytes.ts';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type TlsSettings } from '../../table/settings.ts';
import type { ClientAuthPolicy, HostCiphers } from '../../model/policy.ts';
import type { CertificateEntry, TlsEntry } from '../../table/table.ts';
import type { StapleEntry } from '../../table/staple.ts';
import type { TlsServerContext, TlsServerOptions, Transport } from '../transport/transport.ts';

/** The part of a table that concerns TLS. */
export type CertificateChange = Pick<TableDelta, 'certificates' | 'tls' | 'staples' | 'settings'>;

/**
 * Which certificate answers which name. Certificates are parsed at the first handshake that needs them (0.2 ms each), so a
 * table with 10,000 of them is taken in without holding up the event loop; contexts outlive table swaps.
 */
export interface CertificateStore {
  /** Takes in what changed. Never throws: a certificate that OpenSSL refuses is reported and the default serves. */
  apply(change: CertificateChange): void;
  /** The context for a server name (docs/reference/routing.md §7.1); that of the default certificate when there is none for it, or no name. */
  contextFor(
    serverName: string | undefined,
    clientAuth?: ClientAuthPolicy,
    ciphers?: HostCiphers,
  ): TlsServerContext;
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
  epochMs: () => number = Date.now,
): CertificateStore {
  return new Store(transport, settings, report, epochMs);
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
  readonly #epochMs: () => number;
  readonly #certificates = new Map<string, CertificateEntry>();
  readonly #staples = new Map<string, StapleEntry>();
  readonly #contexts = new Map<string, KnownContext>();
  readonly #broken = new Set<string>();
  /** By what clients are asked for and offered; undefined where OpenSSL refuses that. */
  readonly #ownDefaults = new Map<string, TlsServerContext | undefined>();
  /** Keys of contexts whose certificate does not do with the ciphers. */
  readonly #refusedCiphers = new Set<string>();
  #names: ReadonlyMap<string, string> = new Map();
  #defaultId = '';
  #defaultOptions: TlsServerOptions;
  #default: TlsServerContext;
  /** For names that the table does not have: they may be hosts all the same, and resume no sessions of each other. */
  #strangers: TlsServerContext;
  #isNameRequired: boolean;
  #isStapled: boolean;
  #areSessionsResumed: boolean;
  #settingsText: string;
  #parameters: Parameters;

  constructor(
    transport: Pick<Transport, 'createServerContext'>,
    settings: TlsSettings,
    report: (problem: string) => void,
    epochMs: () => number,
  ) {
    this.#transport = transport;
    this.#epochMs = epochMs;
    this.#report = report;
    this.#settingsText = JSON.stringify(settings);
    this.#parameters = this.#usableParameters(settings) ?? toParameters(DEFAULT_SETTINGS.tls);
    this.#isNameRequired = settings.isUnknownNameRejected;
    this.#isStapled = settings.isStapled;
    this.#areSessionsResumed = areSessionsResumed(settings);
    this.#defaultOptions = this.#optionsOf(undefined, '');
    this.#default = transport.createServerContext(this.#defaultOptions);
    this.#strangers = this.#default;
  }

  apply({ certificates, tls, staples, settings }: CertificateChange): void {
    const settingsText = settings === undefined ? this.#settingsText : JSON.stringify(settings.tls);
    const isParameterChanged = settings !== undefined && settingsText !== this.#settingsText;
    if (isParameterChanged) {
      this.#settingsText = settingsText;
      this.#parameters = this.#usableParameters(settings.tls) ?? this.#parameters;
      this.#isNameRequired = settings.tls.isUnknownNameRejected;
      this.#isStapled = settings.tls.isStapled;
      this.#areSessionsResumed = areSessionsResumed(settings.tls);
      this.#contexts.clear();
      this.#broken.clear();
      this.#refusedCiphers.clear();
    }
    for (const id of certificates.removed) this.#forget(id);
    for (const entry of certificates.set) {
      this.#forget(entry.id);
      this.#certificates.set(entry.id, entry);
    }
    for (const id of staples?.removed ?? []) this.#staples.delete(id);
    for (const staple of staples?.set ?? []) this.#staples.set(staple.certificateId, staple);
    if (tls !== undefined) this.#setNames(tls);
    const isDefaultTouched = certificates.set.some(({ id }) => id === this.#defaultId) || tls !== undefined;
    if (isParameterChanged || isDefaultTouched) this.#setDefault();
  }

  contextFor(
    serverName: string | undefined,
    clientAuth?: ClientAuthPolicy,
    ciphers?: HostCiphers,
  ): TlsServerContext {
    const name = serverName === undefined ? undefined : this.#nameOf(serverName);
    const context =
      name === undefined ? undefined : this.#contextOf(this.#names.get(name)!, name, clientAuth, ciphers);
    if (context !== undefined) return context;
    const offering = ciphers && this.#ownDefault(clientAuth, ciphers);
    if (offering !== undefined) return offering;
    if (clientAuth !== undefined) return this.#ownDefault(clientAuth, undefined) ?? this.#strangers;
    return serverName === undefined ? this.#default : this.#strangers;
  }

  /** The default certificate, with what a host asks and offers; undefined: OpenSSL refuses that, as was told. */
  #ownDefault(
    clientAuth: ClientAuthPolicy | undefined,
    ciphers: HostCiphers | undefined,
  ): TlsServerContext | undefined {
    const key = `${clientAuth?.id ?? ''} ${ciphers === undefined ? '' : textOf(ciphers)}`;
    if (this.#ownDefaults.has(key)) return this.#ownDefaults.get(key);
    if (this.#ownDefaults.size >= MAX_CONTEXTS) this.#ownDefaults.clear();
    const options = { ...this.#defaultOptions, ticketKey: undefined, ...ownOptions(clientAuth, ciphers) };
    let context: TlsServerContext | undefined;
    try {
      context = this.#transport.createServerContext(options);
    } catch (error) {
      const problem = (error as Error).message;
      this.#report(
        ciphers === undefined
          ? `a CA of clients cannot be used: ${problem}; no certificate is asked for`
          : `ciphers of a host cannot be used with the default certificate: ${problem}; those of all hosts are`,
      );
    }
    this.#ownDefaults.set(key, context);
    return context;
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
    ciphers: HostCiphers | undefined,
  ): TlsServerContext | undefined {
    const entry = this.#certificates.get(id);
    if (entry === undefined || this.#broken.has(id)) return undefined;
    const usual =
      clientAuth !== undefined ? `${clientAuth.id} ${id}` : this.#areSessionsResumed ? `${name} ${id}` : id;
    const key = ciphers === undefined ? usual : `${usual} ${textOf(ciphers)}`;
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      // Moves it to the end: a Map keeps the order of insertion, its first key is the least recently used.
      this.#contexts.delete(key);
      if (known.entry === entry) {
        this.#contexts.set(key, known);
        return known.context;
      }
    }
    const options = { ...this.#optionsOf(entry, key), ...ownOptions(clientAuth, ciphers) };
    if (ciphers !== undefined) {
      // The certificate may be other hosts', too: the ciphers of one do not break it for them.
      const plain = this.#contextOf(id, name, clientAuth, undefined);
      if (plain === undefined || this.#refusedCiphers.has(key)) return plain;
      return this.#offering(key, entry, name, options) ?? plain;
    }
    const context = this.#createContext(entry, options);
    if (context !== undefined) this.#keep(key, { context, entry });
    return context;
  }

  /** A certificate that is all right, with ciphers of a host. */
  #offering(
    key: string,
    entry: CertificateEntry,
    name: string,
    options: TlsServerOptions,
  ): TlsServerContext | undefined {
    try {
      const context = this.#transport.createServerContext(options);
      this.#keep(key, { context, entry });
      return context;
    } catch (error) {
      if (this.#refusedCiphers.size >= MAX_CONTEXTS) this.#refusedCiphers.clear();
      this.#refusedCiphers.add(key);
      const problem = (error as Error).message;
      this.#report(
        `ciphers of ${name} cannot be used with its certificate: ${problem}; those of all hosts are`,
      );
      return undefined;
    }
  }

  #keep(key: string, known: KnownContext): void {
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    this.#contexts.set(key, known);
  }

  #optionsOf(entry: CertificateEntry | undefined, sessionScope: string): TlsServerOptions {
    return {
      ...this.#parameters,
      certificate: entry?.certificate,
      key: entry?.key,
      sessionScope,
      ...(this.#isStapled && entry !== undefined ? { staple: () => this.#stapleOf(entry.id) } : undefined),
    };
  }

  /** Looked up at each handshake: contexts outlive what authorities say. */
  #stapleOf(certificateId: string): Uint8Array | undefined {
    const staple = this.#staples.get(certificateId);
    return staple === undefined || staple.endsAtMs <= this.#epochMs() ? undefined : staple.response;
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
    this.#ownDefaults.clear();
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

function ownOptions(
  clientAuth: ClientAuthPolicy | undefined,
  ciphers: HostCiphers | undefined,
): Partial<TlsServerOptions> {
  return {
    ...(ciphers === undefined ? undefined : { isCipherOrderOurs: ciphers.isOrderOurs }),
    ...(ciphers?.list === undefined ? undefined : { ciphers: ciphers.list }),
    ...(clientAuth === undefined ? undefined : questionOf(clientAuth)),
  };
}

function textOf({ list, isOrderOurs }: HostCiphers): string {
  return `${isOrderOurs ? 'ours' : 'theirs'} ${list ?? ''}`;
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
  return {
    minVersion,
    maxVersion,
    ciphers,
    isCipherOrderOurs: true,
    ecdhCurve,
    dhParameters,
    sessionTimeoutMs,
    ticketKey,
  };
}
