/** Least urgent and most urgent are 7 and 0 (RFC 9218 §4.1). */
export const URGENCIES = 8;
export const DEFAULT_URGENCY = 3;

/** Value of a Priority field: `urgency`, plus 8 when the response is of use piece by piece. What is not understood counts for nothing (RFC 9218 §4). */
export function parsePriority(value: string | undefined): number {
  let urgency = DEFAULT_URGENCY;
  let isIncremental = false;
  if (value === undefined || value.length > 256) return urgency;
  for (const item of value.split(',')) {
    const member = item.trim().split(';', 1)[0]!.trim();
    if (/^u=[0-7]$/.test(member)) urgency = member.charCodeAt(2) - 48;
    else if (member === 'i' || member === 'i=?1') isIncremental = true;
    else if (member === 'i=?0') isIncremental = false;
  }
  return isIncremental ? urgency + URGENCIES : urgency;
}
