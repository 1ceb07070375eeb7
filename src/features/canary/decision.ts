import { Pattern } from '../../lib/pattern.ts';
import { EXACT_CASE, toRegex } from '../../lib/pcre.ts';
import type { CanaryPolicy } from '../../model/policy.ts';
import type { CanaryDecision, RequestView } from '../kit/filter.ts';

/** What one means of choosing says: canary, primary, or nothing. */
type Verdict = boolean | undefined;

/** Header, then cookie, then weight (docs/reference/annotations.md §1.1, steps 5 to 7). `random` is uniform in [0, 1). */
export function createCanaryDecision(policy: CanaryPolicy, random: () => number): CanaryDecision {
  const byHeader = createHeaderVerdict(policy);
  const { cookie, weight } = policy;
  const total = policy.weightTotal > 100 ? policy.weightTotal : 100;
  return (request) => {
    const said =
      byHeader?.(request) ?? (cookie === undefined ? undefined : wordVerdict(request.cookie(cookie)));
    if (said !== undefined) return said;
    if (weight <= 0) return false;
    if (weight >= total) return true;
    return Math.floor(random() * total) + 1 <= weight;
  };
}

function createHeaderVerdict(policy: CanaryPolicy): ((request: RequestView) => Verdict) | undefined {
  const { header, headerValue, headerPattern } = policy;
  if (header === undefined) return undefined;
  // nginx looks a header up by its variable name, in which `-` and `_` are one.
  const name = header.toLowerCase().replaceAll('_', '-');
  if (headerValue !== undefined)
    return (request) => (request.header(name) === headerValue ? true : undefined);
  if (headerPattern === undefined) return (request) => wordVerdict(request.header(name));
  const converted = toHeaderRegex(headerPattern);
  const pattern = converted.ok ? new Pattern(converted, false) : undefined;
  return (request) => {
    const value = request.header(name);
    if (value === undefined) return undefined;
    // A pattern that is no expression sends every request that has the header to the primary at once.
    if (pattern === undefined) return false;
    return pattern.test(value) ? true : undefined;
  };
}

/** A header pattern is PCRE, searched anywhere in the value, case-sensitive unless it says otherwise itself. */
export function toHeaderRegex(pattern: string): ReturnType<typeof toRegex> {
  return toRegex(pattern, EXACT_CASE);
}

function wordVerdict(value: string | undefined): Verdict {
  return value === 'always' ? true : value === 'never' ? false : undefined;
}
