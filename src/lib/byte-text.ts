/** Text as one character per UTF-8 byte, the form in which normalised request paths are compared. */
export function toByteText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return /^[\u0000-\u007f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
