import { Command, CommanderError } from 'commander';
import { parseGoBool, parseGoInt } from '../lib/nginx-values.ts';
import { fallbackOf, FLAGS, type CommandName, type Flag, type FlagValue } from './flags.ts';

/** What was asked for on the command line. */
export interface Invocation {
  readonly command: CommandName;
  readonly flags: FlagReader;
  /** Positional arguments. */
  readonly rest: readonly string[];
  /** Flags that were given but set nothing, with what the log says of each. */
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

/** Parses one flag's text as Go's flag package does. Throws UsageError that names flag and value. */
export function parseFlag(flag: Flag, text: string): FlagValue {
  const refuse = (what: string) => {
    throw new UsageError(`--${flag.name}: "${text}" is not ${what}`, 2);
  };
  switch (flag.kind) {
    case 'string':
      return text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'boolean':
      return parseGoBool(text) ?? refuse('a boolean')!;
    case 'integer':
      return parseGoInt(text) ?? refuse('a whole number')!;
    case 'number':
      return text !== '' && Number.isFinite(Number(text)) ? Number(text) : refuse('a number')!;
    case 'seconds':
      return parseSeconds(text) ?? refuse('a number of seconds or a duration such as 1m30s')!;
  }
}

const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Seconds from `90`, `90s`, `1m30s` (ingress-nginx takes either form, by flag). */
function parseSeconds(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    seconds += Number(amount) * UNITS[unit!]!;
  }
  return seconds;
}

/** Parses a command line without the program name. Throws UsageError. */
export function parseArgs(argv: readonly string[], version: string): Invocation {
  let found: Invocation | undefined;
  const printed: string[] = [];
  const output = {
    writeOut: (text: string) => printed.push(text),
    writeErr: (text: string) => printed.push(text),
  };
  const program = new Command('serin')
    .description('An L7 ingress controller for Kubernetes, in place of ingress-nginx.')
    .version(version, '--version', 'print the version')
    .configureOutput(output)
    .exitOverride();
  const describe: Record<CommandName, string> = {
    serve: 'serve manifest files, without a cluster',
    controller: 'serve the Ingresses of a Kubernetes cluster',
  };
  for (const name of Object.keys(describe) as CommandName[]) {
    const command = program.command(name).description(describe[name]).configureOutput(output).exitOverride();
    if (name === 'serve') command.argument('[manifests...]', 'files and folders, like --manifests');
    const flags = FLAGS.filter((flag) => flag.commands.includes(name));
    for (const flag of flags) addOption(command, flag, name);
    command.option('--version', 'print the version');
    command.action((...given: unknown[]) => {
      const options = command.opts<Record<string, unknown>>();
      if (options['version'] === true) throw new UsageError(version, 0);
      const rest = name === 'serve' ? (given[0] as string[]) : command.args;
      found = invocationOf(name, flags, command, rest);
    });
  }
  try {
    program.parse(expandBooleans(argv), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      throw new UsageError(printed.join('').trimEnd() || error.message, error.exitCode === 0 ? 0 : 2);
    }
    throw error;
  }
  if (found === undefined) throw new UsageError(program.helpInformation(), 2);
  return found;
}

function addOption(command: Command, flag: Flag, name: CommandName): void {
  const fallback = fallbackOf(flag, name);
  const shown = Array.isArray(fallback) ? fallback.join(',') : String(fallback);
  const doc = flag.unused === undefined ? flag.doc : `(taken, sets nothing) ${flag.doc}`;
  const long = `--${flag.name} <${flag.kind}>`;
  const parse = (text: string, previous: unknown): FlagValue => {
    const value = parseFlag(flag, text);
    return Array.isArray(value) && Array.isArray(previous) ? [...previous, ...value] : value;
  };
  command.option(flag.name === 'v' ? `-v, ${long}` : long, shown === '' ? doc : `${doc} [${shown}]`, parse);
}

/** Go's flags let a boolean stand alone; commander wants it to have a value. */
function expandBooleans(argv: readonly string[]): string[] {
  const booleans = new Set(FLAGS.filter((flag) => flag.kind === 'boolean').map((flag) => `--${flag.name}`));
  return argv.map((word) => (booleans.has(word) ? `${word}=true` : word));
}

const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function invocationOf(
  name: CommandName,
  flags: readonly Flag[],
  command: Command,
  rest: readonly string[],
): Invocation {
  const values = new Map<string, FlagValue>();
  const given = new Set<string>();
  for (const flag of flags) {
    const value = command.getOptionValue(camel(flag.name)) as FlagValue | undefined;
    if (value !== undefined) given.add(flag.name);
    values.set(flag.name, value ?? fallbackOf(flag, name));
  }
  const read = <T>(flagName: string): T => {
    const value = values.get(flagName);
    if (value === undefined) throw new Error(`no flag --${flagName} in the table of ${name}`);
    return value as T;
  };
  const unused = flags
    .filter((flag) => flag.unused !== undefined && given.has(flag.name))
    .map((flag) =>
      flag.unused === 'inert'
        ? `--${flag.name} sets nothing in Serin: ${flag.doc}`
        : `--${flag.name} is not honoured yet: ${flag.doc}`,
    );
  const reader: FlagReader = {
    string: read,
    number: read,
    boolean: read,
    list: read,
    has: (flagName) => given.has(flagName),
  };
  return { command: name, flags: reader, rest, unused };
}
