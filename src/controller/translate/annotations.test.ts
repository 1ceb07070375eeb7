import { describe, expect, test } from 'vitest';
import { defineFeature, type Feature, type OnInvalid, type Parser } from '../../features/kit/feature.ts';
import { findingMessage } from '../../model/finding.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { readAnnotationSettings } from './annotation-settings.ts';
import { features } from '../../features/registry.ts';
import { KNOWN_ANNOTATIONS } from './known-annotations.ts';
import { parseAnnotations, type ParsedAnnotations } from './annotations.ts';

const word: Parser<string> = (raw) =>
  /^[a-z]+$/.test(raw) ? { ok: true, value: raw } : { ok: false, problem: 'is not a word' };

const seen: string[] = [];

function feature(onInvalid: OnInvalid, more: Partial<Feature> = {}): Feature {
  return defineFeature({
    name: 'words',
    doc: '',
    scope: 'route',
    annotations: {
      first: {
        parse: word,
        risk: 'medium',
        onInvalid,
        doc: '',
        aliases: ['primary', 'eldest'],
        configMapKey: 'first-word',
        fallback: 'fallback',
      },
      second: { parse: word, risk: 'high', onInvalid: 'default', doc: '' },
    },
    translate: (values, context) => {
      seen.push(`${context.has('first')} ${context.has('second')}`);
      return { ...values };
    },
    ...more,
  }) as Feature;
}

function parse(
  annotations: Readonly<Record<string, string>>,
  features: readonly Feature[],
  settings: Readonly<Record<string, string>> = {},
  prefix = 'p.test',
  more: Pick<Parameters<typeof parseAnnotations>[0], 'areValidated'> & { paths?: readonly string[] } = {},
): ParsedAnnotations {
  seen.length = 0;
  const configMap = readObject('ConfigMap', { metadata: { name: 'c' }, data: settings });
  if (!configMap.ok) throw new Error('unread');
  const store = createObjectStore();
  const secret = readObject('Secret', { metadata: { name: 's', namespace: 'own' }, stringData: { a: 'b' } });
  if (secret.ok) store.apply({ kind: 'Secret', type: 'set', object: secret.object });
  return parseAnnotations({
    ingress: {
      namespace: 'own',
      annotations: new Map(Object.entries(annotations)),
      rules: [{ host: '', field: '', paths: (more.paths ?? []).map((path) => ({ path })) }] as never,
    },
    areValidated: more.areValidated,
    source: { kind: 'Ingress', namespace: 'own', name: 'i' },
    features,
    settings: readAnnotationSettings(configMap.object, features),
    snapshot: store.snapshot(),
    prefix,
  });
}

test('annotations of Serin’s own have whole names, whatever the prefix', () => {
  const own = defineFeature({
    name: 'own',
    doc: '',
    scope: 'route',
    annotations: { 'serin.dev/word': { parse: word, risk: 'low', onInvalid: 'deny', doc: '' } },
    translate: (values) => values,
  }) as Feature;
  for (const prefix of ['p.test', 'q.test']) {
    const { route, findings } = parse({ 'serin.dev/word': 'x' }, [own], {}, prefix);
    expect(route).toEqual({ own: { 'serin.dev/word': 'x' } });
    expect(findings).toEqual([]);
  }
  expect(parse({ 'serin.dev/ward': 'x' }, [own]).findings.map(findingMessage)).toEqual([
    expect.stringContaining('metadata.annotations[serin.dev/ward]: "x" is no annotation that is known'),
  ]);
});

describe('which value counts', () => {
  const cases: readonly {
    name: string;
    annotations: Readonly<Record<string, string>>;
    settings?: Readonly<Record<string, string>>;
    first: string;
    has: string;
  }[] = [
    { name: 'none: the fallback', annotations: {}, first: 'fallback', has: 'false false' },
    { name: 'the annotation', annotations: { 'p.test/first': 'x' }, first: 'x', has: 'true false' },
    {
      name: 'the ConfigMap',
      annotations: {},
      settings: { 'first-word': 'c' },
      first: 'c',
      has: 'false false',
    },
    {
      name: 'the annotation before the ConfigMap',
      annotations: { 'p.test/first': 'x' },
      settings: { 'first-word': 'c' },
      first: 'x',
      has: 'true false',
    },
    { name: 'an alias', annotations: { 'p.test/eldest': 'x' }, first: 'x', has: 'true false' },
    {
      name: 'the canonical name before its aliases',
      annotations: { 'p.test/primary': 'y', 'p.test/first': 'x' },
      first: 'x',
      has: 'true false',
    },
    {
      name: 'an alias where the canonical name is empty',
      annotations: { 'p.test/first': '  ', 'p.test/primary': 'y' },
      first: 'y',
      has: 'true false',
    },
    {
      name: 'an empty value is none',
      annotations: { 'p.test/first': '' },
      first: 'fallback',
      has: 'true false',
    },
    { name: 'each line trimmed', annotations: { 'p.test/first': '  x ' }, first: 'x', has: 'true false' },
    { name: 'another prefix', annotations: { 'q.test/first': 'x' }, first: 'fallback', has: 'false false' },
  ];
  for (const { name, annotations, settings, first, has } of cases) {
    test(name, () => {
      const { route } = parse(annotations, [feature('default')], settings);
      expect((route['words'] as { first: string }).first).toBe(first);
      expect(seen).toEqual([has]);
    });
  }
});

describe('what a bad value does', () => {
  const bad = { 'p.test/first': '7', 'p.test/second': 'y' };

  test('default: only this value', () => {
    const parsed = parse(bad, [feature('default')], { 'first-word': 'c' });
    expect(parsed.route['words']).toEqual({ first: 'c', second: 'y' });
    expect(parsed.findings.map(findingMessage)).toEqual([
      'metadata.annotations[first]: "7" is not a word; its default is used',
    ]);
  });

  test('group: the feature as if absent', () => {
    const parsed = parse(bad, [feature('group')]);
    expect(parsed.route['words']).toEqual({ first: 'fallback', second: undefined });
    expect(seen).toEqual(['false false']);
    expect(parsed.findings.map(findingMessage)).toEqual([
      'metadata.annotations[first]: "7" is not a word; all annotations of words are ignored',
    ]);
  });

  test('deny: the routes answer 503', () => {
    const parsed = parse(bad, [feature('deny')]);
    expect(parsed.isDenied).toBe(true);
    expect(parsed.findings.map(({ severity }) => severity)).toEqual(['error']);
  });

  test('drop: the Ingress is refused, by the name as written', () => {
    const parsed = parse({ 'p.test/eldest': '7' }, [feature('drop')]);
    expect(parsed.refusals).toEqual([
      { field: 'metadata.annotations[eldest]', value: '7', problem: 'is not a word' },
    ]);
    expect(seen).toEqual([]);
  });

  test('a feature that throws denies its Ingress', () => {
    const parsed = parse({}, [
      feature('default', {
        translate: () => {
          throw new Error('oops');
        },
      }),
    ]);
    expect(parsed.isDenied).toBe(true);
    expect(parsed.findings.map(findingMessage)).toEqual([
      'feature words failed: oops; the routes of the Ingress answer 503',
    ]);
  });
});

describe('risk and words', () => {
  test('an annotation above the level refuses the Ingress, empty or not, alias or not', () => {
    for (const name of ['first', 'primary']) {
      expect(
        parse({ [`p.test/${name}`]: '' }, [feature('default')], { 'annotations-risk-level': 'Low' }).refusals,
      ).toHaveLength(1);
    }
    expect(parse({ 'p.test/second': 'x' }, [feature('default')], {}).refusals).toEqual([]);
    expect(
      parse({ 'p.test/second': 'x' }, [feature('default')], { 'annotations-risk-level': 'medium' }).refusals,
    ).toHaveLength(1);
  });

  test('the level also holds for annotations that no feature defines', () => {
    const parsed = parse({ 'p.test/modsecurity-transaction-id': 'x' }, [], {
      'annotations-risk-level': 'Medium',
    });
    expect(parsed.refusals).toHaveLength(1);
  });

  test('snippets are told, and refuse nothing', () => {
    const parsed = parse({ 'p.test/server-snippet': 'return 200;' }, []);
    expect(parsed.refusals).toEqual([]);
    expect(parsed.findings.map(findingMessage)).toEqual([
      'metadata.annotations[server-snippet]: is not supported; snippets are never evaluated; it is ignored; instead: an Ingress path of its own for a location, server-alias for names, permanent-redirect for redirects, block-user-agents (ConfigMap)',
    ]);
  });

  test('what is said of those that are not honoured is no longer than the API server passes on of a warning', () => {
    for (const [name, { needs = [] }] of KNOWN_ANNOTATIONS) {
      const written = Object.fromEntries([name, ...needs].map((one) => [`p.test/${one}`, 'x']));
      for (const finding of parse(written, []).findings)
        expect(findingMessage(finding).length, name).toBeLessThanOrEqual(256);
    }
  });

  test('a blocked word in any value under the prefix', () => {
    const settings = { 'annotation-value-word-blocklist': 'a, evil ,b' };
    expect(parse({ 'p.test/unknown': 'so evil' }, [], settings).refusals).toHaveLength(1);
    expect(parse({ 'q.test/unknown': 'so evil' }, [], settings).refusals).toEqual([]);
  });
});

const looking = (namespace: string): Feature =>
  feature('default', {
    translate: (_, { lookup }) => ({ found: lookup.secret(namespace, 's')?.size ?? 'none' }),
  });

describe('look-ups', () => {
  test('are recorded, found or not', () => {
    const found = parse({}, [looking('own')]);
    expect(found.route['words']).toEqual({ found: 1 });
    expect(found.dependencies.map(({ kind, key }) => `${kind} ${key}`)).toEqual(['Secret own/s']);
  });

  test('do not reach another namespace unless that is allowed', () => {
    const refused = parse({}, [looking('other')]);
    expect(refused.route['words']).toEqual({ found: 'none' });
    expect(refused.dependencies).toEqual([]);
    const allowed = parse({}, [looking('other')], { 'allow-cross-namespace-resources': 'true' });
    expect(allowed.dependencies.map(({ key }) => key)).toEqual(['other/s']);
  });
});

describe('--enable-annotation-validation=false', () => {
  const unchecked = { areValidated: false };

  test('takes texts that are filled in as they are, and still understands the rest', () => {
    const annotations = {
      'p.test/rewrite-target': '/in?p=$1',
      'p.test/upstream-vhost': 'a;b',
      'p.test/permanent-redirect': 'https://b.test/$1',
      'p.test/app-root': 'https://b.test/x',
      'p.test/proxy-body-size': 'much',
    };
    const taken = parse(annotations, features, {}, 'p.test', unchecked);
    expect(taken.route).toMatchObject({
      rewrite: { target: '/in?p=$1' },
      'upstream-vhost': { host: 'a;b' },
      redirect: { location: 'https://b.test/$1' },
    });
    expect(taken.host['app-root']).toBeUndefined();
    expect(taken.findings.map((finding) => findingMessage(finding).split(':')[0])).toEqual([
      'metadata.annotations[app-root]',
      'metadata.annotations[proxy-body-size]',
      // Vain beside the redirect.
      'metadata.annotations[rewrite-target]',
      'metadata.annotations[upstream-vhost]',
    ]);
    expect(parse(annotations, features).refusals.map(({ field }) => field)).toEqual([
      'metadata.annotations[permanent-redirect]',
      'metadata.annotations[upstream-vhost]',
    ]);
  });

  test('takes no control characters', () => {
    const annotations = { 'p.test/upstream-vhost': 'a\nX: b' };
    expect(parse(annotations, features, {}, 'p.test', unchecked).refusals).toHaveLength(1);
  });
});

test('a named group of one of the paths is a variable', () => {
  const annotations = { 'p.test/upstream-vhost': '$tenant.inner' };
  const paths = ['/', '/(?<tenant>[a-z]+)/'];
  expect(parse(annotations, features, {}, 'p.test', { paths }).findings).toEqual([]);
  expect(parse(annotations, features).findings.map(({ reason }) => reason)).toEqual(['UnknownVariable']);
});
