import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The arrows of docs/architecture.md#arrows, read from the import specifiers of src/ and loadtest/, those of types included. */
const SRC = join(import.meta.dirname, '../src');
const LOADTEST = join(import.meta.dirname, '../loadtest');
const LINES_MAX = 500;

interface Import {
  readonly specifier: string;
  /** Path below src of a relative import; undefined for a package. */
  readonly target: string | undefined;
  readonly isType: boolean;
}

interface SourceFile {
  /** Path below src. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC_IMPORT = /(?<!\w)(typeof\s+)?import\(\s*'([^']+)'\s*\)(\.)?/g;

function readSource(path: string, text: string): SourceFile {
  const toImport = (specifier: string, isType: boolean): Import => ({
    specifier,
    target: specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined,
    isType,
  });
  return {
    path,
    text,
    imports: [
      ...[...text.matchAll(IMPORT)].map(([, type, specifier]) => toImport(specifier!, type !== undefined)),
      // `import('./x.ts').Name` is how a type is named in place.
      ...[...text.matchAll(DYNAMIC_IMPORT)].map(([, type, specifier, dot]) =>
        toImport(specifier!, type !== undefined || dot !== undefined),
      ),
    ],
  };
}

function readFolder(folder: string): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .map((path) => readSource(path, readFileSync(join(folder, path), 'utf8')));
}

const files = readFolder(SRC);

/** Part of the house that a file belongs to: a folder's name, or that of a feature with its folder. */
function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  if (first !== 'features') return path.includes('/') ? first : 'main';
  return second === 'registry.ts' ? 'features/registry' : `features/${second}`;
}

const SHARED = ['lib', 'table', 'observe'];
const FEATURES = ['features/registry', 'features/kit'];

/** Rooms that a room may import from, besides itself; undefined: any. */
function allowedFrom(room: string): readonly string[] | undefined {
  if (room === 'lib' || room === 'observe') return room === 'lib' ? [] : ['lib'];
  if (room === 'model') return ['lib'];
  if (room === 'table') return ['lib'];
  if (room === 'controller') return [...SHARED, ...FEATURES, 'model'];
  if (room === 'proxy') return [...SHARED, ...FEATURES];
  if (room === 'features/kit') return ['lib', 'model', 'table'];
  if (room === 'features/registry') return undefined;
  if (room.startsWith('features/')) return ['features/kit', 'lib'];
  return undefined;
}

/** Types of policies, ports and names are plain data that all planes speak of. */
function isSharedType({ target, isType }: Import): boolean {
  return isType && (target === 'model/policy.ts' || target === 'model/ports.ts');
}

export function wrongArrows(sources: readonly SourceFile[]): string[] {
  return sources.flatMap((file) => {
    const room = roomOf(file.path);
    const allowed = allowedFrom(room);
    return file.imports
      .filter((one) => {
        if (one.target === undefined || isSharedType(one)) return false;
        const target = roomOf(one.target);
        if (target === room) return false;
        if (room === 'features/registry') return !target.startsWith('features/');
        return allowed !== undefined && !allowed.includes(target);
      })
      .map(({ specifier }) => `${file.path} -> ${specifier}`);
  });
}

/** The rooms of the data plane: each may import from those below it, and from none beside it. */
const DATA_PLANE: readonly (readonly string[])[] = [
  ['worker'],
  ['receiver', 'serve'],
  ['accept', 'http1', 'http2'],
  ['exchange'],
  ['router', 'l4'],
  ['upstream'],
  ['message'],
  ['transport'],
];

/** Room of a file below proxy/; what lies beside worker.ts is its own. Undefined: not of the data plane. */
function dataPlaneRoomOf(path: string): string | undefined {
  const [plane, first = '', second] = path.split('/');
  if (plane !== 'proxy') return undefined;
  if (second !== undefined) return first;
  return first === 'receiver.ts' || first === 'serve.ts' ? first.slice(0, -3) : 'worker';
}

export function upwardArrows(sources: readonly SourceFile[]): string[] {
  const levelOf = (room: string): number => DATA_PLANE.findIndex((rooms) => rooms.includes(room));
  return sources.flatMap((file) => {
    const room = dataPlaneRoomOf(file.path);
    if (room === undefined) return [];
    if (levelOf(room) < 0) return [`${file.path} is in no room`];
    return file.imports
      .filter(({ target }) => {
        const other = target === undefined ? undefined : dataPlaneRoomOf(target);
        return other !== undefined && other !== room && levelOf(other) <= levelOf(room);
      })
      .map(({ specifier }) => `${file.path} -> ${specifier}`);
  });
}

export function cycles(sources: readonly SourceFile[]): string[] {
  const graph = new Map(
    sources.map((file) => [
      file.path,
      file.imports.flatMap(({ target }) => (target === undefined ? [] : [target])),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push([...trail.slice(start), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

function importers(isWanted: (one: Import) => boolean): string[] {
  return files.filter(({ imports }) => imports.some(isWanted)).map(({ path }) => path);
}

/** Text without comments and strings, as far as a test for words needs it. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

describe('structure', () => {
  test('there is a house to look at', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(200);
  });

  test('imports go the way of the arrows', () => {
    expect(wrongArrows(files)).toEqual([]);
  });

  test('the rooms of the data plane import downwards', () => {
    expect(upwardArrows(files)).toEqual([]);
  });

  test('nothing imports in a circle, not even types', () => {
    expect(cycles(files)).toEqual([]);
    expect(cycles(readFolder(LOADTEST))).toEqual([]);
  });

  test('every relative import names a file, with its extension', () => {
    const known = new Set(files.map(({ path }) => path));
    const broken = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target !== undefined && !known.has(target))
        .map(({ specifier }) => `${path} -> ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  test('no file is longer than 500 lines', () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > LINES_MAX);
    expect(long).toEqual([]);
  });

  test('only controller/kube knows the Kubernetes client', () => {
    const outside = importers(({ specifier }) => specifier.startsWith('@kubernetes/')).filter(
      (path) => !path.startsWith('controller/kube/'),
    );
    expect(outside).toEqual([]);
  });

  test('only proxy opens traffic sockets; the health port, the webhook, the example and the log’s server are people’s', () => {
    const opens =
      /\b(createServer|createSecureServer|createSocket)\s*\(|\bnew\s+(net\.|tls\.)?(Server|Socket)\s*\(/;
    const sockets = /^node:(net|tls|http|https|http2|dgram)$/;
    const outside = files
      .filter(
        ({ imports, text }) =>
          imports.some(({ specifier, isType }) => !isType && sockets.test(specifier)) &&
          opens.test(codeOf(text)),
      )
      .map(({ path }) => path)
      .filter(
        (path) => !/^(proxy|admin|controller\/admission|cli\/example)\/|^observe\/syslog-sink/.test(path),
      );
    expect(outside).toEqual([]);
  });

  test('in proxy only the transport knows sockets, types included', () => {
    const outside = files
      .filter(
        ({ path, imports }) =>
          path.startsWith('proxy/') &&
          !path.startsWith('proxy/transport/') &&
          imports.some(({ specifier }) => /^node:(net|tls)$/.test(specifier)),
      )
      .map(({ path }) => path);
    expect(outside).toEqual([]);
  });

  test('undici, 11 MiB of memory at rest, is loaded by whoever asks with it first', () => {
    const atStart = files.filter(({ text }) => /^import (?!type\b)[^;]*'undici'/m.test(text));
    expect(atStart.map(({ path }) => path)).toEqual([]);
  });

  test('no file only passes on what another one exports', () => {
    const barrels = files
      .filter(({ text }) => /^export\s+(\*|\{[^}]*\})\s+from\s/m.test(text))
      .map(({ path }) => path);
    expect(barrels).toEqual([]);
    expect(files.filter(({ path }) => /(^|\/)(index|utils|helpers|common)\.ts$/.test(path))).toEqual([]);
  });

  test('names are in kebab-case', () => {
    const odd = files
      .map(({ path }) => path)
      .filter((path) => !/^[a-z0-9-]+(\/[a-z0-9-]+)*(\.d)?\.ts$/.test(path));
    expect(odd).toEqual([]);
  });

  test('no enums, namespaces or parameter properties, which type stripping does not know', () => {
    const found = files
      .filter(({ text }) =>
        /^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s+\w|^\s*(export\s+)?namespace\s+\w|constructor\([^)]*\b(private|public|protected|readonly)\s+\w+\s*[?:]/m.test(
          codeOf(text),
        ),
      )
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('nothing is left to be done later without an owner', () => {
    const found = files.filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text)).map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('public Node APIs only', () => {
    const found = files
      .filter(
        ({ text, imports }) =>
          /process\.binding\b|\._handle\b/.test(text) ||
          imports.some(({ specifier }) => /^(node:)?_/.test(specifier)),
      )
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });
});

describe('the structure test itself', () => {
  const arrows: { name: string; path: string; text: string; isWrong: boolean }[] = [
    {
      name: 'proxy to controller',
      path: 'proxy/a.ts',
      text: "import { x } from '../controller/b.ts';",
      isWrong: true,
    },
    {
      name: 'a type of the other plane',
      path: 'controller/a.ts',
      text: "import type { x } from '../proxy/b.ts';",
      isWrong: true,
    },
    {
      name: 'one feature to another',
      path: 'features/a/a.ts',
      text: "import { x } from '../b/b.ts';",
      isWrong: true,
    },
    {
      name: 'a feature to the registry',
      path: 'features/a/a.ts',
      text: "import { x } from '../registry.ts';",
      isWrong: true,
    },
    {
      name: 'proxy to a feature',
      path: 'proxy/a.ts',
      text: "import {\n  x,\n} from '../features/a/a.ts';",
      isWrong: true,
    },
    {
      name: 'proxy to the registry',
      path: 'proxy/a.ts',
      text: "import { x } from '../features/registry.ts';",
      isWrong: false,
    },
    {
      name: 'table to a policy type',
      path: 'table/a.ts',
      text: "import type { x } from '../model/policy.ts';",
      isWrong: false,
    },
    {
      name: 'table to a policy value',
      path: 'table/a.ts',
      text: "import { x } from '../model/policy.ts';",
      isWrong: true,
    },
    {
      name: 'proxy to the model',
      path: 'proxy/a.ts',
      text: "import type { x } from '../model/model.ts';",
      isWrong: true,
    },
    { name: 'lib to the house', path: 'lib/a.ts', text: "import '../observe/b.ts';", isWrong: true },
    {
      name: 'a type named in place',
      path: 'proxy/a.ts',
      text: "type A = import('../controller/b.ts').B;",
      isWrong: true,
    },
    {
      name: 'cli to everything',
      path: 'cli/a.ts',
      text: "const x = await import('../proxy/b.ts');",
      isWrong: false,
    },
  ];
  for (const { name, path, text, isWrong } of arrows) {
    test(`${isWrong ? 'finds' : 'allows'} ${name}`, () => {
      expect(wrongArrows([readSource(path, text)]).length).toBe(isWrong ? 1 : 0);
    });
  }

  const rooms: { name: string; path: string; text: string; isWrong: boolean }[] = [
    {
      name: 'the exchange to a wire',
      path: 'proxy/exchange/a.ts',
      text: "import type { x } from '../http1/b.ts';",
      isWrong: true,
    },
    {
      name: 'one wire to another',
      path: 'proxy/http2/a.ts',
      text: "import { x } from '../http1/b.ts';",
      isWrong: true,
    },
    {
      name: 'an upstream to the router',
      path: 'proxy/upstream/a.ts',
      text: "import type { x } from '../router/b.ts';",
      isWrong: true,
    },
    { name: 'a room to serve', path: 'proxy/accept/a.ts', text: "import '../serve.ts';", isWrong: true },
    { name: 'serve to the worker', path: 'proxy/serve.ts', text: "import './worker.ts';", isWrong: true },
    { name: 'a room that nobody knows', path: 'proxy/attic/a.ts', text: '', isWrong: true },
    {
      name: 'a wire to the exchange and below',
      path: 'proxy/http1/a.ts',
      text: "import '../exchange/b.ts';\nimport '../upstream/b.ts';\nimport '../transport/b.ts';",
      isWrong: false,
    },
    {
      name: 'the worker to what lies beside it',
      path: 'proxy/worker.ts',
      text: "import './fault-limit.ts';\nimport './serve.ts';",
      isWrong: false,
    },
  ];
  for (const { name, path, text, isWrong } of rooms) {
    test(`${isWrong ? 'finds' : 'allows'} ${name}`, () => {
      expect(upwardArrows([readSource(path, text)]).length).toBe(isWrong ? 1 : 0);
    });
  }

  test('finds circles of values and of types', () => {
    const back = readSource('lib/b.ts', "import { a } from './a.ts';");
    const circle = ['lib/a.ts -> lib/b.ts -> lib/a.ts'];
    expect(cycles([readSource('lib/a.ts', "import { b } from './b.ts';"), back])).toEqual(circle);
    expect(cycles([readSource('lib/a.ts', "import type { b } from './b.ts';"), back])).toEqual(circle);
  });
});
