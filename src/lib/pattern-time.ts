/** Texts from here on cost a pattern enough to be measured. */
export const MEASURED_FROM_CHARACTERS = 256;

/** What matching has taken of this thread's time since it began: that of long texts, and of many patterns for one text. */
export const patternTime = { totalMs: 0 };
