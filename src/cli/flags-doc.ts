import type { CommandName, Flag } from './flag.ts';
import { fallbackOf, FLAGS, isMeantFor } from './flags.ts';

/** Renders docs/flags.md from the flag table. */
export function renderFlagsDoc(): string {
  const lines = [
    '# Flags',
    '',
    'Made from the flag tables (`src/cli/flags.ts`, `src/cli/unused-flags.ts`); `UPDATE_DOCS=1 npx vitest run src/cli` writes it anew. Names and defaults are',
    "ingress-nginx's wherever it has the flag, except where the text says so.",
    '',
    "A command line is read as Go's pflag reads it. A boolean stands alone or has its value behind `=` (`true`, `t`, `1`, `false`, `f`, `0`...); all",
    'others take `--name=value` and `--name value`; `-v5`, `-v=5` and `-v 5` are `--v=5`. Whole numbers may be `0x50`, `0o120`, `0b1010000`',
    'or `1_000`, durations `1h2m`, `1.5h`, `100us`, `-1s`, and seconds are also taken as a plain number. Words that are no flag are ignored by `serin controller`, and named in its log.',
    '',
  ];
  const used = FLAGS.filter((flag) => flag.unused === undefined);
  const groups: [title: string, flags: readonly Flag[], note: string][] = [
    [
      '`serin controller` and `serin serve`',
      used.filter((flag) => isMeantFor(flag, 'controller') && isMeantFor(flag, 'serve')),
      '',
    ],
    ['`serin serve` alone', used.filter((flag) => isOnlyFor(flag, 'serve')), ''],
    [
      '`serin controller` alone',
      used.filter((flag) => isMeantFor(flag, 'controller') && !isMeantFor(flag, 'serve')),
      '`serin serve` takes these too, and names them in its log: without a cluster they set nothing.',
    ],
    [
      '`serin rbac`',
      used.filter((flag) => isMeantFor(flag, 'rbac')),
      "Prints the roles of [rbac.md](rbac.md) for one installation. It takes the controller's flags, so that a Deployment's arguments can be given as they are.",
    ],
    [
      '`serin certgen`',
      used.filter((flag) => isMeantFor(flag, 'certgen')),
      "Makes the admission webhook's certificate where there is none, or none that will do, and writes its CA into the webhook's configuration.",
    ],
    [
      'Taken, with nothing to set',
      FLAGS.filter((flag) => flag.unused === 'inert'),
      'An existing Deployment may give these. Serin takes them, and names them in its log.',
    ],
    [
      'Refused',
      FLAGS.filter((flag) => flag.unused === 'refused'),
      'Serin takes these so that it starts, does not do what they ask for, and says so in its log.',
    ],
  ];
  for (const [title, flags, note] of groups) {
    lines.push(`## ${title}`, '');
    if (note !== '') lines.push(note, '');
    lines.push('| flag | kind | default | meaning |', '| --- | --- | --- | --- |');
    for (const flag of flags) {
      lines.push(
        `| \`--${flag.name}\` | ${flag.kind} | ${defaultText(flag)} | ${flag.doc.replaceAll('|', '\\|')} |`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

function isOnlyFor(flag: Flag, command: CommandName): boolean {
  return flag.commands.length === 1 && flag.commands[0] === command;
}

function defaultText(flag: Flag): string {
  const shown = (command: CommandName) => {
    const value = fallbackOf(flag, command);
    const text = Array.isArray(value) ? value.join(',') : String(value);
    return text === '' ? '' : `\`${text}\``;
  };
  const [first = 'serve'] = flag.commands;
  if (first !== 'serve' || shown('serve') === shown('controller')) return shown(first);
  if (isOnlyFor(flag, 'serve')) return shown('serve');
  return `${shown('controller')} (serve: ${shown('serve')})`;
}
