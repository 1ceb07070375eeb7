import type { RewritePolicy } from '../../model/policy.ts';

/** Whether a rewrite target counts on a path: one that is the path itself changes nothing (docs/reference/annotations.md §2.1). */
export function isRewriteInForce(target: string | undefined, path: string): target is string {
  return target !== undefined && target !== '' && target !== path;
}

/** Whether a path is a regular expression by its own Ingress's doing: `use-regex`, or a rewrite in force. */
export function asksForRegex(
  rewrite: Pick<RewritePolicy, 'target' | 'isRegex'> | undefined,
  path: string,
): boolean {
  return rewrite !== undefined && (rewrite.isRegex || isRewriteInForce(rewrite.target, path));
}
