import type { RedactedBytes } from '../../lib/redacted-bytes.ts';
import type { FindingReason } from '../../model/finding.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { CompressionParts } from './compression-parts.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Settings under construction. */
export type SettingsDraft = Mutable<
  Omit<DataPlaneSettings, 'accessLog' | 'streams' | 'streamLog' | 'tls' | 'compression'>
> & {
  accessLog: Mutable<DataPlaneSettings['accessLog']>;
  streams: Mutable<DataPlaneSettings['streams']>;
  streamLog: Mutable<DataPlaneSettings['streamLog']>;
  tls: Mutable<DataPlaneSettings['tls']>;
  areTicketsIssued: boolean;
  ticketKey: RedactedBytes | undefined;
  compressionParts: CompressionParts;
  syslog: { isOn: boolean; host: string; port: number };
  hstsParts: { isOn: boolean; maxAge: string; hasSubdomains: boolean; isPreloaded: boolean };
};

/** What is wrong with a value, and what follows where it is not that the default is used. */
export interface KeyProblem {
  /** Of the finding; `InvalidSetting` where it is not given. */
  readonly reason?: FindingReason;
  readonly problem: string;
  /** The value is nobody's to read, and is not quoted. */
  readonly isSecret?: boolean;
  readonly consequence: string;
}

/** Sets one value on the draft, or says why the text cannot be one. */
export type ApplyKey = (draft: SettingsDraft, text: string) => string | KeyProblem | undefined;
