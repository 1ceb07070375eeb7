import { withInstead } from '../../features/kit/instead.ts';
import type { RedactedBytes } from '../../lib/redacted-bytes.ts';
import { toByteText } from '../../lib/byte-text.ts';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';
import { unknownNames } from '../../lib/variables/template.ts';
import type { Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings, type UndefinedHosts } from '../../table/settings.ts';
import type { GeoFile } from '../store/geo-file.ts';
import { readDhParameters, type SecretLookUp } from './dh-parameters.ts';
import { defaultCompression, toCompression } from './compression-parts.ts';
import type { KeyProblem, SettingsDraft } from './draft.ts';
import { toGeoDatabases, wantedEditions } from './geo-parts.ts';
import { INERT_KEYS } from './inert-keys.ts';
import { DATA_PLANE_KEYS } from './keys.ts';
import { asksForNothing, KNOWN_KEYS } from './known-keys.ts';
import { reportWorkers, WORKER_KEY, type WorkerCount } from './worker-processes.ts';

/** Keys that name another object. */
export const NAMING_KEYS: readonly string[] = ['proxy-set-headers', 'add-headers', 'ssl-dh-param'];

/** What flags decide for the data plane, beside the ConfigMap. */
export interface SettingsFlags {
  readonly httpsPort: number;
  readonly healthPath: string;
  readonly undefinedHosts: UndefinedHosts;
  /** Session ticket keys, made at start and kept for the process's life; where the ConfigMap names none. */
  readonly ticketKeys: readonly RedactedBytes[];
  /** Databases of addresses, as --maxmind-edition-ids names them; absent where nothing runs. */
  readonly geoEditions?: readonly string[];
  /** Absent where nothing runs. */
  readonly workers?: WorkerCount;
}

/** Named ConfigMaps of headers (proxy-set-headers, add-headers): their data, or undefined when missing. */
export type HeaderMaps = (namespace: string, name: string) => ReadonlyMap<string, string> | undefined;

export interface SettingsInput {
  /** Data of the ConfigMap; undefined when there is none. */
  readonly data: ReadonlyMap<string, string> | undefined;
  readonly source: SourceRef;
  readonly flags: SettingsFlags;
  /** Keys that features read; they report on them. */
  readonly featureKeys: ReadonlySet<string>;
  readonly headerMaps: HeaderMaps;
  readonly secretOf: SecretLookUp;
  readonly geoFiles: ReadonlyMap<string, GeoFile>;
  readonly findings: Findings;
}

/**
 * Turns the ConfigMap and the flags into settings. A value that cannot be read leaves the default and gives a finding, as
 * does a key that Serin does not know or does not honour. Never throws.
 */
export function toSettings(input: SettingsInput): DataPlaneSettings {
  const { flags, findings, source } = input;
  const draft: SettingsDraft = {
    ...DEFAULT_SETTINGS,
    httpsPort: flags.httpsPort,
    healthPath: toByteText(flags.healthPath),
    undefinedHosts: flags.undefinedHosts,
    accessLog: { ...DEFAULT_SETTINGS.accessLog },
    streams: { ...DEFAULT_SETTINGS.streams },
    streamLog: { ...DEFAULT_SETTINGS.streamLog },
    tls: { ...DEFAULT_SETTINGS.tls },
    areTicketsIssued: false,
    ticketKey: undefined,
    compressionParts: defaultCompression(),
    syslog: { isOn: false, host: '', port: 514 },
    hstsParts: { isOn: true, maxAge: '31536000', hasSubdomains: true, isPreloaded: false },
  };
  for (const [key, raw] of [...(input.data ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const value = raw.trim();
    const field = `data.${key}`;
    if (key === 'proxy-set-headers' || key === 'add-headers') {
      const headers = readHeaderMap(key, value, input);
      if (headers === undefined) continue;
      if (key === 'add-headers') draft.responseHeaders = headers;
      else draft.upstreamHeaders = headers;
    } else if (key === 'ssl-dh-param') {
      const read = value === '' ? undefined : readDhParameters(value, input.secretOf);
      if (read?.ok === true) draft.tls.dhParameters = read.pem;
      else if (read !== undefined) {
        const consequence = 'no DHE suite of TLS 1.2 is offered';
        findings.warn(source, 'InvalidSetting', { field, value: raw, problem: read.problem, consequence });
      }
    } else if (Object.hasOwn(DATA_PLANE_KEYS, key)) {
      const told = DATA_PLANE_KEYS[key]!(draft, value);
      if (told === undefined) continue;
      const {
        reason = 'InvalidSetting',
        isSecret = false,
        ...about
      }: KeyProblem = typeof told === 'string' ? { problem: told, consequence: 'the default is used' } : told;
      findings.warn(source, reason, { field, value: isSecret ? '' : raw, ...about });
    } else if (key !== WORKER_KEY && !Object.hasOwn(INERT_KEYS, key) && !input.featureKeys.has(key)) {
      const known = KNOWN_KEYS.get(key);
      if (known !== undefined && asksForNothing(value)) continue;
      findings.warn(source, 'UnsupportedSetting', {
        field,
        value: raw,
        problem: 'is a key that Serin does not honour',
        consequence: withInstead(key, known ?? 'it is ignored'),
      });
    }
  }
  reportWorkers(input.data?.get(WORKER_KEY), flags.workers, source, findings);
  const { hstsParts, areTicketsIssued, ticketKey, syslog, compressionParts, ...settings } = draft;
  if (syslog.isOn && syslog.host !== '') settings.accessLog.syslog = { host: syslog.host, port: syslog.port };
  else if (syslog.isOn) {
    const consequence = 'the access log goes to where access-log-path says';
    const problem = 'has no syslog-host beside it';
    findings.warn(source, 'InvalidSetting', {
      field: 'data.enable-syslog',
      value: 'true',
      problem,
      consequence,
    });
  }
  if (areTicketsIssued) settings.tls.ticketKeys = ticketKey === undefined ? flags.ticketKeys : [ticketKey];
  const geo = toGeoDatabases({
    wanted: wantedEditions(input.data, flags.geoEditions ?? []),
    files: input.geoFiles,
    logFormat: settings.accessLog.format,
    source,
    findings,
  });
  return { ...settings, compression: toCompression(compressionParts), hsts: hstsValue(hstsParts), geo };
}

function hstsValue(parts: SettingsDraft['hstsParts']): string | undefined {
  if (!parts.isOn) return undefined;
  return `max-age=${parts.maxAge}${parts.hasSubdomains ? '; includeSubDomains' : ''}${parts.isPreloaded ? '; preload' : ''}`;
}

const HEADER_NAME = /^[A-Za-z0-9_-]+$/;

function readHeaderMap(key: string, value: string, input: SettingsInput): [string, string][] | undefined {
  const { findings, source } = input;
  if (value === '') return undefined;
  const refuse = (problem: string) => {
    const consequence = 'no header is set by it';
    findings.warn(source, 'InvalidSetting', { field: `data.${key}`, value, problem, consequence });
  };
  const ref = parseNamespacedName(value);
  if (ref === undefined) {
    refuse('is not namespace/name of a ConfigMap');
    return undefined;
  }
  const data = input.headerMaps(ref.namespace, ref.name);
  if (data === undefined) {
    refuse('names a ConfigMap that does not exist');
    return undefined;
  }
  const headers: [string, string][] = [];
  for (const [header, text] of [...data].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
    if (!HEADER_NAME.test(header) || /[\0-\x08\x0a-\x1f\x7f]/.test(text)) {
      refuse(`has a header that cannot be sent: ${header}`);
    } else {
      headers.push([header, toByteText(text.trim())]);
      const unknown = unknownNames(text).map((name) => `$${name}`);
      if (unknown.length > 0) {
        findings.warn(source, 'InvalidSetting', {
          field: `data.${key}`,
          value,
          problem: `has a header with variables that Serin does not know: ${header}: ${unknown.join(', ')}`,
          consequence: 'they are filled in with nothing, unless the path of a route has a group of that name',
        });
      }
    }
  }
  return headers;
}
