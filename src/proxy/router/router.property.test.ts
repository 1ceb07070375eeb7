import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../../test/fixtures/models.ts';
import { naiveMatch } from '../../../test/fixtures/naive-matcher.ts';
import { printMatch, routerOf } from '../../../test/fixtures/routers.ts';
import type { HostModel, Model, RouteModel } from '../../model/model.ts';

const segment = fc.constantFrom('a', 'b', 'A', 'ab', 'a.b', 'a-b', '%', 'x');
const plainPath = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/'))
  .map(([segments, end]) => `/${segments.join('/')}${segments.length > 0 ? end : ''}`);
const regexPath = fc
  .array(
    fc.constantFrom(
      '/',
      'a',
      'b',
      'ab',
      '.',
      '[ab]',
      '(a|b)',
      '(/|x)',
      'b*',
      'a?',
      '.*',
      '[^/]+',
      '\\.',
      'x{0,2}',
      '|/',
    ),
    { maxLength: 5 },
  )
  .map((parts) => `/${parts.join('')}`);
const pathType = fc.constantFrom('exact', 'prefix') satisfies fc.Arbitrary<RouteModel['pathType']>;

function unique(routes: readonly RouteModel[]): RouteModel[] {
  return [...new Map(routes.map((route) => [`${route.pathType} ${route.path}`, route])).values()];
}

const plainRoutes = fc
  .array(fc.record({ path: plainPath, pathType, isDenied: fc.boolean() }), { minLength: 0, maxLength: 14 })
  .map((routes) =>
    unique(
      routes.map(({ path, pathType, isDenied }) =>
        // Which of two equal paths decides on a redirect is nginx's affair: here they are of one mind.
        routeModel(path, {
          pathType,
          ...(isDenied && path.length > 4 ? { deniedStatus: 503 as const } : {}),
        }),
      ),
    ),
  );
const regexRoutes = fc
  .array(
    fc.record({
      path: fc.oneof(regexPath, plainPath),
      pathType,
      isRegex: fc.boolean(),
      target: fc.constantFrom(undefined, '', '/', '/$1'),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((routes) =>
    unique(
      routes.map(({ path, pathType, isRegex, target }) =>
        routeModel(path, { pathType, policies: { rewrite: { isRegex, target } } }),
      ),
    ),
  );

const hostName = fc.constantFrom('_', 'a.t', 'b.t', 'c.a.t', '*.t', '*.a.t', '*.b.a.t');
const alias = fc.constantFrom(
  'z.t',
  '*.t',
  '*.a.t',
  '.b.t',
  'a.*',
  'c.a.*',
  '~^c\\.',
  '~t$',
  '~^[ab]\\.[^.]+$',
);
const askedName = fc.constantFrom(
  'a.t',
  'b.t',
  'z.t',
  'c.a.t',
  'q.a.t',
  'c.b.a.t',
  'a.b.b.t',
  'a.q',
  'c.a.q',
  'c',
  '',
  '-.t',
);
const askedPath = fc.oneof(
  plainPath,
  fc
    .array(fc.constantFrom('/', 'a', 'b', 'x', '.', 'A', 'ab', 'aab'), { maxLength: 6 })
    .map((parts) => `/${parts.join('')}`.replace(/\/+/g, '/')),
);

const models: fc.Arbitrary<Model> = fc
  .uniqueArray(
    fc.record({
      name: hostName,
      routes: fc.oneof(plainRoutes, regexRoutes),
      aliases: fc.uniqueArray(alias, { maxLength: 2 }),
    }),
    { selector: ({ name }) => name, maxLength: 5 },
  )
  .map((hosts) =>
    modelOf(hosts.map(({ name, routes, aliases }): HostModel => hostModel(name, routes, { aliases }))),
  );

test('a compiled and linked model matches as docs/reference/routing.md says', () => {
  fc.assert(
    fc.property(
      models,
      fc.array(fc.tuple(askedName, askedPath), { minLength: 20, maxLength: 40 }),
      (model, asked) => {
        const router = routerOf(model);
        for (const [name, path] of asked) {
          const host = router.hostOf(name);
          const got = `${host.entry.name} ${printMatch(host.match(path))}`;
          expect(got, `${name} ${path}`).toBe(naiveMatch(model, name, path));
        }
      },
    ),
    { numRuns: 1_500 },
  );
});

test('a host of hundreds of regexes matches as docs/reference/routing.md says', () => {
  const many = fc
    .uniqueArray(fc.oneof(regexPath, plainPath), { minLength: 30, maxLength: 200 })
    .map((paths) =>
      modelOf([
        hostModel(
          'a.t',
          paths.map((path) => routeModel(path, { policies: { rewrite: { isRegex: true } } })),
        ),
      ]),
    );
  fc.assert(
    fc.property(many, fc.array(askedPath, { minLength: 30 }), (model, paths) => {
      const host = routerOf(model).hostOf('a.t');
      const match = (path: string) => host.match(path);
      for (const path of paths) {
        expect(`a.t ${printMatch(match(path))}`, path).toBe(naiveMatch(model, 'a.t', path));
      }
    }),
    { numRuns: 150 },
  );
});
