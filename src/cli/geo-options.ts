import { GEO_EDITIONS } from '../lib/variables/geo.ts';
import { UsageError, type FlagReader } from './args.ts';

/** Editions that --maxmind-edition-ids names. Throws UsageError for one that there is not, as ingress-nginx ends. */
export function geoEditionsOf(flags: FlagReader): readonly string[] {
  const text = flags.string('maxmind-edition-ids');
  if (text === '') return [];
  const editions = text.split(',');
  const unknown = editions.find((edition) => !Object.hasOwn(GEO_EDITIONS, edition));
  if (unknown !== undefined)
    throw new UsageError(`--maxmind-edition-ids: "${unknown}" is no edition of MaxMind's databases`, 2);
  return [...new Set(editions)];
}
