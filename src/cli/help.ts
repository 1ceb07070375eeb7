import type { CommandName, Flag } from './flag.ts';
import { COMMANDS, fallbackOf, FLAGS, isMeantFor, isTakenBy } from './flags.ts';

/** What `serin --help` prints. */
export function programHelp(): string {
  const commands = COMMANDS.map(({ name, doc }) => `  ${name.padEnd(12)} ${doc}`);
  return [
    'Usage: serin COMMAND [FLAGS]',
    '',
    'An L7 ingress controller for Kubernetes, in place of ingress-nginx.',
    '',
    'Commands:',
    ...commands,
    '',
    '`serin COMMAND --help` prints the flags of a command, `serin --version` the version.',
  ].join('\n');
}

/** What `serin COMMAND --help` prints. */
export function commandHelp(command: CommandName): string {
  const { doc, usage } = COMMANDS.find(({ name }) => name === command)!;
  const flags = FLAGS.filter((flag) => isMeantFor(flag, command)).map((flag) => flagHelp(flag, command));
  const takesMore = FLAGS.some((flag) => isTakenBy(flag, command) && !isMeantFor(flag, command));
  const more = takesMore
    ? ['', "It takes the controller's flags, too: `serin controller --help` prints them."]
    : [];
  return [`Usage: serin ${command} ${usage}`, '', `${doc}.`, '', 'Flags:', ...flags, ...more].join('\n');
}

function flagHelp(flag: Flag, command: CommandName): string {
  const fallback = fallbackOf(flag, command);
  const shown = Array.isArray(fallback) ? fallback.join(',') : String(fallback);
  const short = flag.name.length === 1 ? `-${flag.name}, ` : '';
  const taken = flag.unused === undefined ? '' : '(taken, sets nothing) ';
  return `  ${short}--${flag.name} <${flag.kind}>\n      ${taken}${flag.doc}${shown === '' ? '' : ` [${shown}]`}`;
}
