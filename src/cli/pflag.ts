/** How a flag is written; what its value means is the caller's to say. */
export interface FlagShape {
  readonly name: string;
  /** May stand alone, and never takes the next word for its value. */
  readonly isBoolean: boolean;
}

/** One flag of a command line, in the order they were given. */
export interface GivenFlag {
  readonly name: string;
  /** `true` for a boolean that stands alone. */
  readonly text: string;
}

export type FlagWords =
  | {
      readonly ok: true;
      readonly given: readonly GivenFlag[];
      /** What is no flag and no flag's value. */
      readonly rest: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

/**
 * Splits a command line as Go's pflag does: `--name=value`, `--name value` but for booleans, `-n=value`, `-nvalue` and `-n value`
 * for names of one letter; words between flags are left over, and all words behind `--`.
 */
export function readFlagWords(
  argv: readonly string[],
  find: (name: string) => FlagShape | undefined,
): FlagWords {
  const given: GivenFlag[] = [];
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === '--') {
      rest.push(...argv.slice(index + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    const { name, text } = word.startsWith('--') ? splitLong(word) : splitShort(word);
    if (name === '' || name.startsWith('-')) return { ok: false, problem: `bad flag syntax: ${word}` };
    const flag = find(name);
    if (flag === undefined)
      return { ok: false, problem: `unknown flag: ${word.slice(0, word.indexOf(name))}${name}` };
    let value = text;
    if (value === undefined && flag.isBoolean) value = 'true';
    if (value === undefined) {
      index++;
      if (index === argv.length) return { ok: false, problem: `flag needs an argument: ${word}` };
      value = argv[index]!;
    }
    given.push({ name: flag.name, text: value });
  }
  return { ok: true, given, rest };
}

function splitLong(word: string): { name: string; text: string | undefined } {
  const at = word.indexOf('=');
  return at < 0
    ? { name: word.slice(2), text: undefined }
    : { name: word.slice(2, at), text: word.slice(at + 1) };
}

/** `-v5`, `-v=5`, and `-v` whose value is the next word. */
function splitShort(word: string): { name: string; text: string | undefined } {
  const behind = word.slice(2);
  if (behind === '') return { name: word.slice(1), text: undefined };
  const isJoined = behind.startsWith('=') && behind.length > 1;
  return { name: word.slice(1, 2), text: isJoined ? behind.slice(1) : behind };
}
