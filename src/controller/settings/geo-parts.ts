import { parseGoBool } from '../../lib/nginx-values.ts';
import { GEO_EDITIONS, geoVariable } from '../../lib/variables/geo.ts';
import type { Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import { variablesIn } from '../../observe/line-template.ts';
import type { GeoDatabase } from '../../table/geo.ts';
import type { GeoFile } from '../store/geo-file.ts';

export const GEO_KEY = 'use-geoip2';

/** Editions whose databases the ConfigMap asks for. */
export function wantedEditions(
  data: ReadonlyMap<string, string> | undefined,
  editions: readonly string[],
): readonly string[] {
  return parseGoBool((data?.get(GEO_KEY) ?? '').trim()) === true ? editions : [];
}

export interface GeoInput {
  readonly wanted: readonly string[];
  readonly files: ReadonlyMap<string, GeoFile>;
  readonly logFormat: string;
  readonly source: SourceRef;
  readonly findings: Findings;
}

/** The databases that are there, in the order in which they are named. */
export function toGeoDatabases({
  wanted,
  files,
  logFormat,
  source,
  findings,
}: GeoInput): readonly GeoDatabase[] {
  const databases: GeoDatabase[] = [];
  for (const edition of wanted) {
    const file = files.get(edition);
    if (file === undefined) continue;
    if (file.database !== undefined) databases.push(file.database);
    if (file.problem === '') continue;
    findings.warn(source, 'InvalidSetting', {
      field: `data.${GEO_KEY}`,
      value: 'true',
      problem: `needs ${edition}.mmdb, which ${file.problem}`,
      consequence:
        file.database === undefined
          ? 'the variables of it have no value'
          : 'what was read of it before stays in force',
    });
  }
  const kinds = new Set(wanted.map((edition) => GEO_EDITIONS[edition]));
  const vain = variablesIn(logFormat).filter((name) => {
    const variable = geoVariable(name.toLowerCase());
    return variable !== undefined && !variable.kinds.some((kind) => kinds.has(kind));
  });
  if (vain.length > 0) {
    findings.warn(source, 'InvalidSetting', {
      field: 'data.log-format-upstream',
      value: logFormat,
      problem: `has variables of databases that are not used: ${vain.map((name) => `$${name}`).join(', ')}`,
      consequence: `they are logged as missing values; ${GEO_KEY} and --maxmind-edition-ids say which are used`,
    });
  }
  return databases;
}
