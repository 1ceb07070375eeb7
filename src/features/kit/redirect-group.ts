import type { Place } from './place.ts';

const REDIRECTS = ['temporal-redirect', 'permanent-redirect'] as const;

/** What makes all redirects that annotations of an Ingress ask for void (docs/reference/annotations.md §0.3). */
export interface VoidRedirects {
  readonly by: (typeof REDIRECTS)[number];
  readonly problem: string;
}

/**
 * A redirect that is there without a target, or a temporal one to something else than http: the whole group is void with it,
 * `from-to-www-redirect` and `relative-redirects` too. Undefined: there is none.
 */
export function voidRedirects({ text, isBlank }: Pick<Place, 'text' | 'isBlank'>): VoidRedirects | undefined {
  const blank = REDIRECTS.find(isBlank);
  if (blank !== undefined) return { by: blank, problem: 'is empty' };
  const temporal = text('temporal-redirect');
  return temporal === undefined || temporal.startsWith('http')
    ? undefined
    : { by: 'temporal-redirect', problem: 'does not begin with http' };
}
