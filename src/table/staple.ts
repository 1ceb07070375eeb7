/** What a certificate's authority says of it, sent to clients with the handshake (OCSP stapling). */
export interface StapleEntry {
  readonly certificateId: string;
  /** DER of the OCSPResponse. */
  readonly response: Uint8Array;
  /** Not sent from then on; milliseconds since 1970. */
  readonly endsAtMs: number;
}
