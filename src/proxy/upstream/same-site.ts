/** Browsers that take `SameSite=None` for Strict, or refuse the cookie (docs/reference/annotations.md §4.3). */
const MISUNDERSTOOD = ['Chrome/4', 'Chrome/5', 'Chrome/6', 'CPU iPhone OS 12', 'iPad; CPU OS 12'];

export function isSameSiteNoneUnderstood(userAgent: string): boolean {
  if (MISUNDERSTOOD.some((part) => userAgent.includes(part))) return false;
  const isMojaveSafari =
    userAgent.includes('Macintosh') &&
    userAgent.includes('Intel Mac OS X 10_14') &&
    userAgent.includes('Safari') &&
    !userAgent.includes('Chrome');
  return !isMojaveSafari;
}
