/** What a database tells of an address. */
export type GeoKind = 'country' | 'city' | 'asn' | 'isp' | 'anonymous' | 'connection-type' | 'domain';

/** One variable that a database fills in. */
export interface GeoVariable {
  /** Databases that have it; where several are there, the last one named counts. */
  readonly kinds: readonly GeoKind[];
  /** Where it stands in a record. */
  readonly path: readonly (string | number)[];
  /** Written with five digits behind the point. */
  readonly isFraction?: boolean;
  /** Where a database has no value; undefined: none. */
  readonly fallback?: string;
}

/** Editions that --maxmind-edition-ids may name. */
export const GEO_EDITIONS: Readonly<Record<string, GeoKind>> = {
  'GeoLite2-Country': 'country',
  'GeoLite2-City': 'city',
  'GeoLite2-ASN': 'asn',
  'GeoIP2-Country': 'country',
  'GeoIP2-City': 'city',
  'GeoIP2-ASN': 'asn',
  'GeoIP2-ISP': 'isp',
  'GeoIP2-Anonymous-IP': 'anonymous',
  'GeoIP2-Connection-Type': 'connection-type',
  'GeoIP2-Domain': 'domain',
};

const of =
  (...kinds: readonly GeoKind[]) =>
  (...path: readonly (string | number)[]): GeoVariable => ({ kinds, path });
const country = of('country');
const city = of('city');
const asn = of('asn', 'isp');
const isp = of('isp');
const anonymous = (name: string): GeoVariable => ({ ...of('anonymous')(name), fallback: '0' });
const degrees = (name: string): GeoVariable => ({ ...city('location', name), isFraction: true });

/** The variables of ingress-nginx's template, by name without `$` (docs/reference/settings.md §2.10). */
const VARIABLES: Readonly<Record<string, GeoVariable>> = {
  geoip2_country_code: country('country', 'iso_code'),
  geoip2_country_name: country('country', 'names', 'en'),
  geoip2_country_geoname_id: country('country', 'geoname_id'),
  geoip2_continent_code: country('continent', 'code'),
  geoip2_continent_name: country('continent', 'names', 'en'),
  geoip2_continent_geoname_id: country('continent', 'geoname_id'),
  geoip2_city_country_code: city('country', 'iso_code'),
  geoip2_city_country_name: city('country', 'names', 'en'),
  geoip2_city_country_geoname_id: city('country', 'geoname_id'),
  geoip2_city_continent_code: city('continent', 'code'),
  geoip2_city_continent_name: city('continent', 'names', 'en'),
  geoip2_city: city('city', 'names', 'en'),
  geoip2_city_geoname_id: city('city', 'geoname_id'),
  geoip2_postal_code: city('postal', 'code'),
  geoip2_dma_code: city('location', 'metro_code'),
  geoip2_latitude: degrees('latitude'),
  geoip2_longitude: degrees('longitude'),
  geoip2_time_zone: city('location', 'time_zone'),
  geoip2_region_code: city('subdivisions', 0, 'iso_code'),
  geoip2_region_name: city('subdivisions', 0, 'names', 'en'),
  geoip2_region_geoname_id: city('subdivisions', 0, 'geoname_id'),
  geoip2_subregion_code: city('subdivisions', 1, 'iso_code'),
  geoip2_subregion_name: city('subdivisions', 1, 'names', 'en'),
  geoip2_subregion_geoname_id: city('subdivisions', 1, 'geoname_id'),
  geoip2_asn: asn('autonomous_system_number'),
  geoip2_org: of('asn')('autonomous_system_organization'),
  geoip2_isp: isp('isp'),
  geoip2_isp_org: isp('organization'),
  geoip2_is_anon: of('anonymous')('is_anonymous'),
  geoip2_is_anonymous: anonymous('is_anonymous'),
  geoip2_is_anonymous_vpn: anonymous('is_anonymous_vpn'),
  geoip2_is_hosting_provider: anonymous('is_hosting_provider'),
  geoip2_is_public_proxy: anonymous('is_public_proxy'),
  geoip2_is_tor_exit_node: anonymous('is_tor_exit_node'),
  geoip2_connection_type: of('connection-type')('connection_type'),
};

/** By a name in lower case, without `$`; undefined: it is none. */
export function geoVariable(name: string): GeoVariable | undefined {
  return Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
}
