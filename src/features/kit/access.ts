import type { AccessDenial, AccessVerdict, DirectResponse, Filter, RequestView } from './filter.ts';

/** `all`: every check must have nothing against a request. `any`: one that allows it is enough. */
export type Satisfy = 'all' | 'any';

/** A check of a route, as the list of them asks it. */
type Check = Required<Pick<Filter, 'checkAccess'>>;

/** What comes of checks: an answer, or undefined for a request that may come in. */
export type AccessAnswer = DirectResponse | undefined | Promise<DirectResponse | undefined>;

/**
 * All checks of a route as one, in the order in which they are given: lists, then users and passwords, then tokens, then whoever is asked elsewhere
 * (docs/reference/annotations.md §5). Where one signs in somewhere, every 401 leads there. Undefined without checks.
 */
export function combineAccess(
  filters: readonly Filter[],
  satisfy: Satisfy,
): ((request: RequestView) => AccessAnswer) | undefined {
  const checks = filters.filter((filter): filter is Check => filter.checkAccess !== undefined);
  if (checks.length === 0) return undefined;
  const ask = (request: RequestView): AccessAnswer =>
    satisfy === 'any' ? askAny(checks, request, 0, undefined) : askAll(checks, request, 0);
  const host = filters.find(({ signIn }) => signIn !== undefined);
  if (host === undefined) return ask;
  const welcome = (answer: DirectResponse | undefined, request: RequestView) =>
    answer?.status === 401 ? host.signIn!(request) : answer;
  return (request) => {
    const answer = ask(request);
    return answer instanceof Promise
      ? answer.then((late) => welcome(late, request))
      : welcome(answer, request);
  };
}

function askAll(checks: readonly Check[], request: RequestView, first: number): AccessAnswer {
  for (let i = first; i < checks.length; i++) {
    const verdict = checks[i]!.checkAccess(request);
    if (verdict === 'allow' || verdict === undefined) continue;
    if (!(verdict instanceof Promise)) return verdict;
    return verdict.then((late) =>
      late === 'allow' || late === undefined ? askAll(checks, request, i + 1) : late,
    );
  }
  return undefined;
}

/** `denied` is what the checks before `first` come to. */
function askAny(
  checks: readonly Check[],
  request: RequestView,
  first: number,
  denied: AccessDenial | undefined,
): AccessAnswer {
  let worst = denied;
  for (let i = first; i < checks.length; i++) {
    const verdict = checks[i]!.checkAccess(request);
    if (verdict instanceof Promise) {
      const before = worst;
      return verdict.then((late) =>
        isSettled(late) ? answerOf(late) : askAny(checks, request, i + 1, worseOf(before, late)),
      );
    }
    if (isSettled(verdict)) return answerOf(verdict);
    worst = worseOf(worst, verdict);
  }
  return worst;
}

/** Whether a verdict ends the matter under `any`: leave, or an answer that is not about who asks. */
function isSettled(verdict: AccessVerdict): boolean {
  if (verdict === undefined) return false;
  if (verdict === 'allow') return true;
  const rank = rankOf(verdict);
  return rank !== 401 && rank !== 403;
}

function answerOf(verdict: AccessVerdict): DirectResponse | undefined {
  return verdict === 'allow' ? undefined : verdict;
}

/** A 401 comes before a 403: who can still say who he is is asked. Of two the later counts, with the challenges of both, as in nginx. */
function worseOf(a: AccessDenial | undefined, b: AccessVerdict): AccessDenial | undefined {
  if (b === undefined || b === 'allow') return a;
  if (a === undefined || rankOf(a) === 403) return b;
  if (rankOf(b) === 403) return a;
  const challenges = a.headers?.filter(([name]) => name.toLowerCase() === 'www-authenticate') ?? [];
  return challenges.length === 0 || b.status !== 401
    ? b
    : { ...b, headers: [...challenges, ...(b.headers ?? [])] };
}

function rankOf({ status, countsAs }: AccessDenial): number {
  return countsAs ?? status;
}
