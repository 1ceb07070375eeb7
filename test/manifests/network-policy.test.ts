import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const read = (path: string): any =>
  parse(readFileSync(new URL(`../../manifests/${path}`, import.meta.url), 'utf8'));

test('the NetworkPolicy is about the Pods of the Deployment, and each of their ports, metrics alone for somebody', () => {
  const deployment = read('base/deployment.yaml');
  const { metadata, spec } = read('components/network-policy/network-policy.yaml');
  expect(metadata.namespace).toBe(deployment.metadata.namespace);
  expect(spec.podSelector.matchLabels).toEqual(deployment.spec.selector.matchLabels);
  const open = spec.ingress.flatMap(({ ports, from }: any) =>
    ports.map(({ port }: any) => `${port}${from === undefined ? '' : ' for some'}`),
  );
  const names = deployment.spec.template.spec.containers[0].ports.map(({ name }: any) => name);
  expect(open).toEqual(names.map((name: string) => (name === 'metrics' ? 'metrics for some' : name)));
});
