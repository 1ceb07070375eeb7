/** What a finding says of a pattern that is matched under a time limit. */
export const TIMED = {
  problem: 'has a look-around, a back-reference or a large count, which cannot be matched in linear time',
  consequence: 'a match costs 0.2 ms, and a request for which it takes longer than 50 ms is answered 500',
} as const;
