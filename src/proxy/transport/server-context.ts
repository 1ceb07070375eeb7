import { revealBytes } from '../../lib/redacted-bytes.ts';
import { constants, createHash, hash } from 'node:crypto';
import {
  createSecureContext,
  createServer,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
} from 'node:tls';
import type { Handshakes } from './handshakes.ts';
import type { TlsServerContext, TlsServerOptions } from './transport.ts';

/** A certificate with its settings; the servers that shake hands with it are made when they are needed first. */
export class ServerContext implements TlsServerContext {
  readonly kind = 'tls-server';
  readonly #options: TlsOptions;
  readonly #handshakes: Handshakes;
  readonly #staple: (() => Uint8Array | undefined) | undefined;
  /** One for each offer of protocols that there was. */
  readonly #servers = new Map<string, Server>();

  /** Throws what OpenSSL has against the options. */
  constructor(options: TlsServerOptions, handshakes: Handshakes) {
    const context = toSecureContextOptions(options);
    createSecureContext(context);
    this.#handshakes = handshakes;
    this.#staple = options.staple;
    this.#options = {
      ...context,
      requestCert: options.clientCa !== undefined,
      rejectUnauthorized: false,
      // The deadline is the caller's; this one only has to lie behind it.
      handshakeTimeout: 600_000,
    };
  }

  serverFor(protocols: readonly string[]): Server {
    const key = protocols.join();
    let server = this.#servers.get(key);
    if (server === undefined) {
      server = createServer({ ...this.#options, ALPNProtocols: [...protocols] });
      this.#handshakes.watch(server);
      const staple = this.#staple;
      // A server that has a listener waits in each handshake for what it may say.
      if (staple !== undefined) server.on('OCSPRequest', (_, __, answer) => answer(null, toBuffer(staple())));
      this.#servers.set(key, server);
    }
    return server;
  }
}

/** Null: nothing is stapled. */
function toBuffer(bytes: Uint8Array | undefined): Buffer | null {
  return bytes === undefined ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toSecureContextOptions(options: TlsServerOptions): SecureContextOptions {
  const { ticketKey, clientCa } = options;
  const isResumable = ticketKey !== undefined;
  return {
    cert: options.certificate,
    key: options.key && revealBytes(options.key),
    // No trust store unless clients are asked: otherwise OpenSSL completes a chain from it, at a cost per handshake. Served as given.
    ca: clientCa ?? [],
    crl: options.clientCrl,
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    ciphers: withTls13(options.ciphers),
    ecdhCurve: options.ecdhCurve,
    dhparam: options.dhParameters,
    honorCipherOrder: options.isCipherOrderOurs,
    sessionTimeout: Math.max(1, Math.round(options.sessionTimeoutMs / 1000)),
    // OpenSSL takes 32 characters at most.
    sessionIdContext: hash('sha256', options.sessionScope, 'hex').slice(0, 32),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (isResumable ? 0 : constants.SSL_OP_NO_TICKET),
    ticketKeys: isResumable ? toTicketKeys(ticketKey) : undefined,
  };
}

const TLS13_CIPHERS = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/** nginx's list names TLS 1.2 suites only and leaves those of 1.3 as they are; Node takes one list for both. */
function withTls13(ciphers: string): string {
  return ciphers.includes('TLS_') ? ciphers : [...TLS13_CIPHERS, ciphers].join(':');
}

/** Node wants 48 bytes; a key of another length (nginx also takes 80) is stretched to that by its SHA-384. */
function toTicketKeys(key: Buffer): Buffer {
  return key.length === 48 ? key : createHash('sha384').update(key).digest();
}
