import { X509Certificate } from 'node:crypto';

/** A certificate that a client showed, in the words of nginx's variables; each is worked out when it is asked for first. */
export class ClientCertificate {
  readonly #der: Uint8Array;
  #certificate: X509Certificate | undefined = undefined;
  #subject: string | undefined = undefined;
  #issuer: string | undefined = undefined;
  #escaped: string | undefined = undefined;

  constructor(der: Uint8Array) {
    this.#der = der;
  }

  /** `CN=ann,O=Serin`, as RFC 2253 writes names. */
  get subject(): string {
    this.#subject ??= toRfc2253(this.#read().subject ?? '');
    return this.#subject;
  }

  get issuer(): string {
    this.#issuer ??= toRfc2253(this.#read().issuer ?? '');
    return this.#issuer;
  }

  /** PEM, percent-encoded. */
  get escaped(): string {
    this.#escaped ??= encodeURIComponent(this.#read().toString());
    return this.#escaped;
  }

  get pem(): string {
    return this.#read().toString();
  }

  /** In hexadecimal digits. */
  get serial(): string {
    return this.#read().serialNumber;
  }

  /** SHA-1 in hexadecimal digits. */
  get fingerprint(): string {
    return this.#read().fingerprint.replaceAll(':', '').toLowerCase();
  }

  /** `Nov 26 12:00:00 2026 GMT`. */
  get validFrom(): string {
    return this.#read().validFrom;
  }

  get validTo(): string {
    return this.#read().validTo;
  }

  /** Whole days until it expires; 0 where it has. */
  daysLeft(nowMs: number): number {
    const ms = this.#read().validToDate.getTime() - nowMs;
    return ms <= 0 ? 0 : Math.floor(ms / 86_400_000);
  }

  #read(): X509Certificate {
    this.#certificate ??= new X509Certificate(this.#der);
    return this.#certificate;
  }
}

/** Node gives a name as lines in the order of the certificate, special characters escaped, parts of one line joined by ` + `. */
function toRfc2253(lines: string): string {
  const parts = lines.split('\n').map((line) =>
    line
      .split(/(?<!\\) \+ /)
      .toReversed()
      .join('+'),
  );
  return escapeBytes(parts.toReversed().join(','));
}

function escapeBytes(text: string): string {
  // oxlint-disable-next-line no-control-regex -- all beyond ASCII
  return text.replace(/[^\x00-\x7f]+/gu, (characters) =>
    [...Buffer.from(characters)]
      .map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}
