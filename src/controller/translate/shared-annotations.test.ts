import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from './options.ts';
import { createTranslator, translate } from './translate.ts';
import type { CertificateModel, Model } from '../../model/model.ts';

const OPTIONS = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  isWithoutClassServed: true,
  // Of a class that is not there, which namespaced installs serve.
  ingressClass: 'other',
  fallbackCertificate: { id: 'none' } as CertificateModel,
};

interface Written {
  readonly namespace?: string;
  readonly path?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function put(
  store: ObjectStore,
  name: string,
  { namespace = 'lab', path = '/', annotations }: Written,
): void {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const entries = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  const read = readObject('Ingress', {
    metadata: { namespace, name, annotations: Object.fromEntries(entries) },
    spec: {
      rules: [{ host: `${name}.test`, http: { paths: [{ path, pathType: 'Prefix', backend }] } }],
    },
  });
  if (read.ok) store.apply({ kind: 'Ingress', type: 'set', object: read.object });
}

function modelOf(...all: Written[]): { model: Model; problems: string[] } {
  const store = createObjectStore();
  store.setForbidden('IngressClass', true);
  for (const [index, written] of all.entries()) put(store, `i${index}`, written);
  const together = createTranslator(OPTIONS, features).translate(store.snapshot(), 0);
  const alone = all.map((written, index) => {
    const own = createObjectStore();
    own.setForbidden('IngressClass', true);
    put(own, `i${index}`, written);
    return translate(own.snapshot(), OPTIONS, features, 0);
  });
  const routesOf = ({ hosts }: Model) => hosts.filter(({ name }) => name !== '_').map(({ routes }) => routes);
  // Whatever others have said before, an Ingress says the same as if it were alone.
  expect(routesOf(together.model)).toEqual(alone.flatMap(({ model }) => routesOf(model)));
  const problems = together.findings.map(({ source, reason }) => `${source.name} ${reason}`);
  expect(problems.toSorted()).toEqual(
    alone
      .flatMap(({ findings }) => findings.map(({ source, reason }) => `${source.name} ${reason}`))
      .toSorted(),
  );
  return { model: together.model, problems };
}

function policiesOf({ hosts }: Model, index: number) {
  return hosts.find(({ name }) => name === `i${index}.test`)!.routes[0]!.policies;
}

test('Ingresses with the same annotations share their policies', () => {
  const annotations = { 'proxy-read-timeout': '30', 'enable-cors': 'true' };
  const { model } = modelOf(
    { annotations },
    { annotations },
    { annotations: { 'proxy-read-timeout': '31' } },
  );
  expect(policiesOf(model, 0)).toBe(policiesOf(model, 1));
  expect(policiesOf(model, 0)).not.toEqual(policiesOf(model, 2));
});

test('what says something of one Ingress alone is of that one', () => {
  const limited = { 'limit-rps': '5' };
  const { model } = modelOf({ annotations: limited }, { annotations: limited });
  expect(policiesOf(model, 0)['limits']).toMatchObject({ ingress: 'lab/i0' });
  expect(policiesOf(model, 1)['limits']).toMatchObject({ ingress: 'lab/i1' });
  const other = { 'rewrite-target': '/$name' };
  modelOf({ annotations: other, path: '/(?<name>a)' }, { annotations: other });
});

test('each Ingress is told what is wrong with its annotations', () => {
  const bad = { 'proxy-read-timeout': 'soon' };
  const { problems } = modelOf({ annotations: bad }, { annotations: bad });
  expect(problems.filter((text) => text.endsWith('InvalidAnnotation')).toSorted()).toEqual([
    'i0 InvalidAnnotation',
    'i1 InvalidAnnotation',
  ]);
  const canary = { canary: 'true', 'canary-weight': '5' };
  modelOf({ annotations: canary }, { annotations: canary });
  const vain = { 'rewrite-target': '/' };
  modelOf(
    { annotations: vain, path: '/a' },
    { annotations: vain, path: '/' },
    { annotations: vain, path: '/a' },
  );
});

test('another namespace has its own', () => {
  const secret = { 'auth-type': 'basic', 'auth-secret': 'users' };
  modelOf({ annotations: secret }, { annotations: secret, namespace: 'other' });
});
