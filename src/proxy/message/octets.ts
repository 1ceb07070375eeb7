/* Octet classes of RFC 9110 §5 and RFC 9112, as tables: one look-up per byte. */

function tableOf(isMember: (octet: number) => boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (let octet = 0; octet < 256; octet++) table[octet] = isMember(octet) ? 1 : 0;
  return table;
}

const isDigit = (octet: number): boolean => octet >= 48 && octet <= 57;
const isUpper = (octet: number): boolean => octet >= 65 && octet <= 90;
const isLower = (octet: number): boolean => octet >= 97 && octet <= 122;
const isLetter = (octet: number): boolean => isUpper(octet) || isLower(octet);

/** tchar of RFC 9110 §5.6.2. */
export const TOKEN: Uint8Array = tableOf(
  (octet) => isDigit(octet) || isLetter(octet) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(octet)),
);

/** Lower-cased octet of a plain name (letters, digits, `-`), else 0. */
export const PLAIN_NAME: Uint8Array = new Uint8Array(256).map((_, octet) =>
  isUpper(octet) ? octet + 32 : isLower(octet) || isDigit(octet) || octet === 45 ? octet : 0,
);

/** Lower-cased octet of a token, else 0. */
export const TOKEN_NAME: Uint8Array = new Uint8Array(256).map((_, octet) =>
  TOKEN[octet] === 0 ? 0 : isUpper(octet) ? octet + 32 : octet,
);

/** field-vchar, SP and HTAB of RFC 9110 §5.5; obs-text included. */
export const FIELD_VALUE: Uint8Array = tableOf((octet) => octet === 9 || (octet >= 32 && octet !== 127));

/** Octets of a request target: what nginx and browsers send, no blanks and no controls. */
export const TARGET: Uint8Array = tableOf((octet) => octet > 32 && octet !== 127);

/** Method octets: capitals, and the `-` and `_` of extension methods. */
export const METHOD: Uint8Array = tableOf((octet) => isUpper(octet) || octet === 45 || octet === 95);

/** Value of a hexadecimal digit, 255 for any other octet. */
export const HEX_VALUE: Uint8Array = new Uint8Array(256).map((_, octet) =>
  isDigit(octet)
    ? octet - 48
    : octet >= 65 && octet <= 70
      ? octet - 55
      : octet >= 97 && octet <= 102
        ? octet - 87
        : 255,
);

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;
export const UNDERSCORE = 95;

/** Whether a non-empty text is a token. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255 || TOKEN[code] === 0) return false;
  }
  return true;
}
