/** What servers answer that are to be compared: what they were asked. */
export function answerOf(method: string, path: string, octets: number): string {
  return `${method} ${path} ${octets}`;
}
