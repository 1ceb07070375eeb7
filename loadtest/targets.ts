/** Routes that a load goes round: `hosts` hosts with `paths` paths each, or so many regular expressions on one host. */
export type Spread =
  | { readonly kind: 'hosts'; readonly hosts: number; readonly paths: number }
  | { readonly kind: 'regex'; readonly routes: number };

export interface Target {
  readonly host: string;
  readonly path: string;
}

export const REGEX_HOST = 'regex.test';
export const HOST_COUNT = 10_000;
export const PATHS_PER_HOST = 5;
export const REGEX_COUNT = 1_000;

/** A prime that divides none of the counts, so that steps of it reach every route, never two neighbours in a row. */
const STEP = 7919;

export const hostName = (index: number): string => `host-${index}.load.test`;
export const pathPrefix = (index: number): string => `/p${index}/`;
export const regexOf = (index: number): string => `/r${index}/([a-z]+)/([0-9]+)`;

/** The `index`-th target of a spread; goes round its routes for ever. */
export function targetOf(spread: Spread, index: number): Target {
  if (spread.kind === 'regex') {
    return { host: REGEX_HOST, path: `/r${(index * STEP) % spread.routes}/item/42` };
  }
  const route = (index * STEP) % (spread.hosts * spread.paths);
  return {
    host: hostName(Math.floor(route / spread.paths)),
    path: `${pathPrefix(route % spread.paths)}512`,
  };
}
