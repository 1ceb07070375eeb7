const META = /[\\^$.*+?()[\]{}|]/;

/** What a PCRE pattern begins with, as far as it is plain text: a match without regard to what follows. */
export function plainPrefixOf(pattern: string): string {
  const end = pattern.search(META);
  if (end < 0) return pattern;
  // A quantifier can make the character before it optional.
  return pattern.slice(0, '*?{'.includes(pattern[end]!) ? end - 1 : end);
}

/** The pattern that matches the text and nothing else. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
