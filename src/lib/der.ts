/** One element of DER: its tag, and where it and its content stand. */
export interface DerElement {
  readonly tag: number;
  readonly from: number;
  readonly start: number;
  readonly end: number;
}

/** Bytes that are no DER, or not what was asked for. */
export class MalformedDer extends Error {}

/** The element that begins at a place. Throws MalformedDer where it is not whole. */
export function derAt(bytes: Uint8Array, from: number): DerElement {
  const tag = byteAt(bytes, from);
  if ((tag & 0x1f) === 0x1f) throw new MalformedDer('a tag of several bytes');
  const first = byteAt(bytes, from + 1);
  let start = from + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new MalformedDer('a length that no element has');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + byteAt(bytes, start++);
  }
  const end = start + length;
  if (end > bytes.length) throw new MalformedDer('an element ends behind the bytes');
  return { tag, from, start, end };
}

/** The elements within one, in order. Throws MalformedDer. */
export function derWithin(bytes: Uint8Array, { start, end }: DerElement): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let at = start; at < end;) {
    const element = derAt(bytes, at);
    if (element.end > end) throw new MalformedDer('an element ends behind the one it stands in');
    elements.push(element);
    at = element.end;
  }
  return elements;
}

/** The element of a list; throws MalformedDer where there is none, or one of another tag. */
export function derOf(elements: readonly DerElement[], index: number, tag: number): DerElement {
  const element = elements[index];
  if (element?.tag !== tag) throw new MalformedDer('an element is missing');
  return element;
}

/** The bytes of an element as a whole. */
export function derBytes(bytes: Buffer, { from, end }: DerElement): Buffer {
  return bytes.subarray(from, end);
}

/** What stands in it. */
export function derContent(bytes: Buffer, { start, end }: DerElement): Buffer {
  return bytes.subarray(start, end);
}

/** Writes an element of up to 65,535 bytes. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new MalformedDer('an element ends behind the bytes');
  return byte;
}
