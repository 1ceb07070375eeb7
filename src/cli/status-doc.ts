import { createAnnotationJudge } from '../controller/audit/annotation-judge.ts';
import type { Judgement, Status } from '../controller/audit/judgement.ts';
import { createKeyJudge } from '../controller/audit/key-judge.ts';
import type { Feature } from '../features/kit/feature.ts';
import { VERSION_FLAG } from './args.ts';
import { STATUS_TITLES } from './audit-text.ts';
import { FLAGS } from './flags.ts';

/** All that ingress-nginx has a name for. */
export interface KnownNames {
  readonly annotations: readonly string[];
  readonly keys: readonly string[];
  readonly flags: readonly string[];
}

export interface JudgedName extends Judgement {
  readonly name: string;
}

/** What becomes of each name, sorted by name. */
export type NameStatus = { readonly [K in keyof KnownNames]: readonly JudgedName[] };

/** Judges names as `serin check` does. */
export function judgeNames(names: KnownNames, features: readonly Feature[]): NameStatus {
  const judgeAnnotation = createAnnotationJudge(features);
  const judgeKey = createKeyJudge(features);
  const judgeAll = (all: readonly string[], judge: (name: string) => Judgement): JudgedName[] =>
    all.toSorted().map((name) => ({ name, ...judge(name) }));
  return {
    annotations: judgeAll(names.annotations, (name) => judgeAnnotation(name, '')),
    keys: judgeAll(names.keys, judgeKey),
    flags: judgeAll(names.flags, judgeFlag),
  };
}

function judgeFlag(name: string): Judgement {
  const flag = [VERSION_FLAG, ...FLAGS].find((one) => one.name === name);
  if (flag === undefined) return { status: 'unknown', note: '' };
  return flag.unused === undefined
    ? { status: 'honoured', note: '' }
    : { status: flag.unused, note: flag.doc };
}

const SHOWN: readonly Status[] = ['honoured', 'differs', 'inert', 'refused', 'unknown'];

/** Renders docs/status.md. */
export function renderStatusDoc({ annotations, keys, flags }: NameStatus): string {
  const groups: readonly (readonly [title: string, rows: readonly JudgedName[], page: string])[] = [
    ['Annotations', annotations, 'annotations.md'],
    ['ConfigMap keys', keys, 'configmap.md'],
    ['Flags of the controller', flags, 'flags.md'],
  ];
  return [
    '# What becomes of everything ingress-nginx has',
    '',
    'Made from the tables of the code, by the judges that `serin check` has (`src/controller/audit/`), for every name of the last ingress-nginx;',
    '`UPDATE_DOCS=1 npx vitest run test/docs` writes it anew. What is not honoured is told: an annotation or a key by an Event, a flag by a line in the log.',
    '',
    `| | ${SHOWN.map((status) => STATUS_TITLES[status]).join(' | ')} | all |`,
    `| --- |${' --- |'.repeat(SHOWN.length + 1)}`,
    ...groups.map(([title, rows]) => {
      const counts = SHOWN.map((one) => rows.filter(({ status }) => status === one).length);
      return `| ${title} | ${counts.join(' | ')} | ${rows.length} |`;
    }),
    '',
    ...groups.flatMap(([title, rows, page]) => [
      `## ${title}`,
      '',
      `[${page}](${page}) says what each means.`,
      '',
      '| name | status | how, or why and what instead |',
      '| --- | --- | --- |',
      ...rows.map(
        ({ name, status, note }) =>
          `| \`${name}\` | ${STATUS_TITLES[status]} | ${note.replaceAll('|', '\\|')} |`,
      ),
      '',
    ]),
  ].join('\n');
}
