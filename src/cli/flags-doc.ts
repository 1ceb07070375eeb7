import { fallbackOf, FLAGS, type CommandName, type Flag } from './flags.ts';

/** Renders docs/flags.md from the flag table. */
export function renderFlagsDoc(): string {
  const lines = [
    '# Flags',
    '',
    'Made from the flag table (`src/cli/flags.ts`); `UPDATE_DOCS=1 npx vitest run src/cli` writes it anew. Names and defaults are',
    "ingress-nginx's wherever it has the flag, except where the text says so.",
    '',
  ];
  const used = FLAGS.filter((flag) => flag.unused === undefined);
  const groups: [title: string, flags: readonly Flag[], note: string][] = [
    ['Both commands', used.filter((flag) => flag.commands.length === 2), ''],
    ['`serin serve` alone', used.filter((flag) => isOnlyFor(flag, 'serve')), ''],
    ['`serin controller` alone', used.filter((flag) => isOnlyFor(flag, 'controller')), ''],
    [
      'Taken, with nothing to set',
      FLAGS.filter((flag) => flag.unused === 'inert'),
      'An existing Deployment may give these. Serin takes them, and names them in its log.',
    ],
    [
      'Taken, not honoured yet',
      FLAGS.filter((flag) => flag.unused === 'pending'),
      'Serin takes these so that it starts, and warns of each in its log.',
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
  if (flag.commands.length < 2 || shown('serve') === shown('controller')) return shown(first);
  return `${shown('controller')} (serve: ${shown('serve')})`;
}
