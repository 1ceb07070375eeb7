import { describe, expect, test } from 'vitest';
import { createObjectStore } from './object-store.ts';
import { createOwnership, type OwnershipOptions } from './ownership.ts';
import { readSelector } from './label-selector.ts';
import { readObject } from './read-object.ts';
import type { Kind } from './objects.ts';

const DEFAULTS: OwnershipOptions = {
  ingressClass: 'nginx',
  controllerClass: 'k8s.io/ingress-nginx',
  isClassMatchedByName: false,
  isWithoutClassServed: false,
  isDefaultClassHonoured: false,
  watchNamespace: '',
  watchNamespaceSelector: '',
};

const ours = { name: 'ours', controller: 'k8s.io/ingress-nginx' };
const theirs = { name: 'theirs', controller: 'example.test/other' };
const named = { name: 'nginx', controller: 'example.test/other' };

describe('createOwnership', () => {
  const cases: readonly {
    name: string;
    classes?: readonly { name: string; controller: string; isDefault?: boolean }[];
    className?: string;
    annotation?: string;
    options?: Partial<OwnershipOptions>;
    isForbidden?: boolean;
    labels?: Record<string, string>;
    want: string;
  }[] = [
    { name: 'a class of ours', classes: [ours], className: 'ours', want: 'ours' },
    { name: 'a class of another', classes: [theirs], className: 'theirs', want: 'not-ours' },
    { name: 'a class that is not there', className: 'ours', want: 'not-ours' },
    { name: 'our class that is not there', className: 'nginx', want: 'unknown-class' },
    { name: 'our name on the class of another', classes: [named], className: 'nginx', want: 'not-ours' },
    {
      name: 'our name on the class of another, by name',
      classes: [named],
      className: 'nginx',
      options: { isClassMatchedByName: true },
      want: 'ours',
    },
    { name: 'the annotation', annotation: 'nginx', want: 'ours' },
    {
      name: 'the annotation of another',
      annotation: 'other',
      options: { isWithoutClassServed: true },
      want: 'not-ours',
    },
    {
      name: 'an empty annotation',
      annotation: '',
      options: { isWithoutClassServed: true },
      want: 'not-ours',
    },
    {
      name: 'the class wins over the annotation',
      classes: [theirs],
      className: 'theirs',
      annotation: 'nginx',
      want: 'not-ours',
    },
    { name: 'no class', want: 'not-ours' },
    { name: 'no class, when those are served', options: { isWithoutClassServed: true }, want: 'ours' },
    {
      name: 'the default class is for the API server',
      classes: [{ ...ours, isDefault: true }],
      want: 'not-ours',
    },
    {
      name: 'the default class of manifest files',
      classes: [{ ...ours, isDefault: true }],
      options: { isDefaultClassHonoured: true },
      want: 'ours',
    },
    {
      name: 'classes that may not be read: by annotation',
      isForbidden: true,
      className: 'x',
      annotation: 'nginx',
      want: 'ours',
    },
    {
      name: 'classes that may not be read: without class',
      isForbidden: true,
      className: 'x',
      options: { isWithoutClassServed: true },
      want: 'ours',
    },
    {
      name: 'classes that may not be read: neither',
      isForbidden: true,
      className: 'nginx',
      want: 'not-ours',
    },
    {
      name: 'another namespace',
      annotation: 'nginx',
      options: { watchNamespace: 'elsewhere' },
      want: 'not-ours',
    },
    { name: 'the watched namespace', annotation: 'nginx', options: { watchNamespace: 'x' }, want: 'ours' },
    {
      name: 'a namespace with the labels',
      annotation: 'nginx',
      labels: { team: 'a' },
      options: { watchNamespaceSelector: 'team=a' },
      want: 'ours',
    },
    {
      name: 'a namespace without them',
      annotation: 'nginx',
      labels: { team: 'b' },
      options: { watchNamespaceSelector: 'team=a' },
      want: 'not-ours',
    },
    {
      name: 'a namespace that is not known',
      annotation: 'nginx',
      options: { watchNamespaceSelector: 'team!=a' },
      want: 'not-ours',
    },
    {
      name: 'a selector that is none',
      annotation: 'nginx',
      labels: {},
      options: { watchNamespaceSelector: '=,' },
      want: 'not-ours',
    },
  ];
  for (const { name, classes = [], className, annotation, options, isForbidden, labels, want } of cases) {
    test(name, () => {
      const store = createObjectStore();
      const set = (kind: Kind, raw: unknown) => {
        const result = readObject(kind, raw);
        if (result.ok) store.apply({ kind, type: 'set', object: result.object });
      };
      for (const { name: of, controller, isDefault } of classes) {
        const annotations =
          isDefault === true ? { 'ingressclass.kubernetes.io/is-default-class': 'true' } : {};
        set('IngressClass', { metadata: { name: of, annotations }, spec: { controller } });
      }
      if (labels !== undefined) set('Namespace', { metadata: { name: 'x', labels } });
      if (isForbidden === true) store.setForbidden('IngressClass', true);
      const annotations = annotation === undefined ? {} : { 'kubernetes.io/ingress.class': annotation };
      set('Ingress', {
        metadata: { name: 'i', namespace: 'x', annotations },
        spec: { ingressClassName: className },
      });
      const snapshot = store.snapshot();
      expect(createOwnership(snapshot, { ...DEFAULTS, ...options })(snapshot.ingresses[0]!)).toBe(want);
    });
  }
});

describe('readSelector', () => {
  const labels = new Map([
    ['a', '1'],
    ['b', '2'],
  ]);
  const cases: readonly [selector: string, holds: boolean | undefined][] = [
    ['a=1', true],
    ['a==1,b=2', true],
    ['a=2', false],
    ['a!=2', true],
    ['c!=1', true],
    ['a in (1, 2)', true],
    ['a notin (1,2)', false],
    ['c notin (1)', true],
    ['c in (1)', false],
    ['a', true],
    ['!a', false],
    ['!c', true],
    ['c', false],
    ['', undefined],
    ['a in 1', undefined],
    ['=1', undefined],
  ];
  for (const [selector, holds] of cases) {
    test(`${selector || 'nothing'}: ${holds}`, () => {
      expect(readSelector(selector)?.(labels)).toBe(holds);
    });
  }
});
