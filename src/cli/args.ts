import { parseGoCsv, parseGoDuration, parseGoFloat, parseGoInteger } from '../lib/go-values.ts';
import { parseGoBool } from '../lib/nginx-values.ts';
import type { CommandName, Flag, FlagValue } from './flag.ts';
import { COMMANDS, fallbackOf, FLAGS, isMeantFor, isTakenBy } from './flags.ts';
import { commandHelp, programHelp } from './help.ts';
import { readFlagWords } from './pflag.ts';

/** What was asked for on the command line. */
export interface Invocation {
  readonly command: CommandName;
  readonly flags: FlagReader;
  /** Positional arguments, of a command that has some. */
  readonly rest: readonly string[];
  /** What was given but sets nothing, with what the log says of each. */
  readonly unused: readonly string[];
}

/** Typed access to flag values by name; asking for a flag that is not in the table is our bug and throws. */
export interface FlagReader {
  string(name: string): string;
  number(name: string): number;
  boolean(name: string): boolean;
  list(name: string): readonly string[];
  /** Whether the flag was given. */
  has(name: string): boolean;
}

/** A command line that cannot be run: the text to print and the exit code (0 for --help and --version). */
export class UsageError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Parses one flag's text as Go's pflag does. Throws UsageError that names flag and value. */
export function parseFlag(flag: Flag, text: string): FlagValue {
  const refuse = (what: string) => {
    throw new UsageError(`--${flag.name}: "${text}" is not ${what}`, 2);
  };
  switch (flag.kind) {
    case 'string':
      return text;
    case 'list': {
      const fields = parseGoCsv(text) ?? refuse('a comma-separated list')!;
      return fields.map((field) => field.trim()).filter((field) => field !== '');
    }
    case 'boolean':
      return parseGoBool(text) ?? refuse('a boolean')!;
    case 'integer':
      return parseGoInteger(text) ?? refuse('a whole number')!;
    case 'number':
      return parseGoFloat(text) ?? refuse('a number')!;
    case 'seconds':
      return (
        parseGoInteger(text) ??
        parseGoDuration(text) ??
        refuse('a number of seconds or a duration such as 1m30s')!
      );
  }
}

/** Parses a command line without the program name. Throws UsageError. */
export function parseArgs(argv: readonly string[], version: string): Invocation {
  const [first, ...words] = argv;
  if (first === '--version') throw new UsageError(version, 0);
  if (first === '--help' || first === '-h') throw new UsageError(programHelp(), 0);
  if (first === 'help') throw new UsageError(helpOf(words[0]), 0);
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) {
    const problem = first === undefined ? '' : `serin has no command "${first}"\n\n`;
    throw new UsageError(`${problem}${programHelp()}`, 2);
  }
  return readCommand(command.name, words, version);
}

function helpOf(word: string | undefined): string {
  const command = COMMANDS.find(({ name }) => name === word);
  return command === undefined ? programHelp() : commandHelp(command.name);
}

const VERSION = { name: 'version', isBoolean: true };
const HELP = { name: 'help', isBoolean: true };

function readCommand(command: CommandName, argv: readonly string[], version: string): Invocation {
  const taken = new Map(FLAGS.filter((flag) => isTakenBy(flag, command)).map((flag) => [flag.name, flag]));
  const read = readFlagWords(argv, (written) => {
    if (written === 'version') return VERSION;
    if (written === 'help' || written === 'h') return HELP;
    // klog's own names have underscores; other programs of Kubernetes spell them with dashes.
    const flag = taken.get(written) ?? taken.get(written.replaceAll('-', '_'));
    return flag && { name: flag.name, isBoolean: flag.kind === 'boolean' };
  });
  if (!read.ok) throw new UsageError(`serin ${command}: ${read.problem}`, 2);
  const values = new Map<string, FlagValue>();
  for (const { name, text } of read.given) {
    if (name === 'help') throw new UsageError(commandHelp(command), 0);
    if (name === 'version') {
      if (parseFlag(VERSION_FLAG, text) === true) throw new UsageError(version, 0);
      continue;
    }
    const value = parseFlag(taken.get(name)!, text);
    const before = values.get(name);
    values.set(name, Array.isArray(value) && Array.isArray(before) ? [...before, ...value] : value);
  }
  const isPositional = command === 'serve' || command === 'check';
  return {
    command,
    flags: readerOf(command, taken, values),
    rest: isPositional ? read.rest : [],
    unused: [
      ...[...taken.values()]
        .filter(({ name }) => values.has(name))
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .flatMap((flag) => whyUnused(flag, command, values.get(flag.name)!)),
      ...(isPositional
        ? []
        : read.rest.map((word) => `"${word}" is no flag and is ignored: values of booleans follow a =`)),
    ],
  };
}

/** Of every command. */
export const VERSION_FLAG: Flag = {
  name: 'version',
  kind: 'boolean',
  fallback: false,
  commands: [],
  doc: 'Print the version and exit.',
};

function whyUnused(flag: Flag, command: CommandName, value: FlagValue): string[] {
  // These take the arguments of the Deployment that they are about.
  if (command === 'check' || command === 'rbac') return [];
  if (flag.unused === 'inert') return [`--${flag.name} sets nothing in Serin: ${flag.doc}`];
  if (flag.unused === 'refused')
    return value === flag.fallback ? [] : [`--${flag.name} is refused: ${flag.doc}`];
  return isMeantFor(flag, command) ? [] : [`--${flag.name} sets nothing without a cluster: ${flag.doc}`];
}

function readerOf(
  command: CommandName,
  taken: ReadonlyMap<string, Flag>,
  values: ReadonlyMap<string, FlagValue>,
): FlagReader {
  const read = <T>(name: string): T => {
    const flag = taken.get(name);
    if (flag === undefined) throw new Error(`no flag --${name} in the table of ${command}`);
    return (values.get(name) ?? fallbackOf(flag, command)) as T;
  };
  return { string: read, number: read, boolean: read, list: read, has: (name) => values.has(name) };
}
