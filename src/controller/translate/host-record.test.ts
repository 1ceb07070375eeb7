import { expect, test } from 'vitest';
import { createFindings, printFinding } from '../../model/finding.ts';
import { createHostRecord, type Party } from './host-record.ts';

const party = (namespace: string, name = 'web'): Party => ({
  source: { kind: 'Ingress', namespace, name },
  field: 'spec.rules[0]',
  value: 'a.test',
});

function told(fill: (record: ReturnType<typeof createHostRecord>) => void, parties: readonly Party[]) {
  const findings = createFindings();
  const record = createHostRecord(parties);
  fill(record);
  record.report(findings);
  return findings.list();
}

const appRoot = {
  field: 'metadata.annotations[app-root]',
  what: 'the app-root of host a.test',
  consequence: 'it counts for all requests of the host',
};

test('what a guest decides for a host is told to it and to the oldest Ingress of each other namespace', () => {
  const parties = [party('a', 'first'), party('b'), party('a', 'second'), party('c')];
  const findings = told((record) => record.decides({ ...party('b'), ...appRoot }), parties);
  expect(findings.map(printFinding)).toEqual([
    'CrossNamespace Ingress b/web: metadata.annotations[app-root]: "a.test" decides the app-root of host a.test for Ingress a/first and 1 more, of another namespace; it counts for all requests of the host',
    'CrossNamespace Ingress a/first: spec.rules[0]: "a.test" does not decide the app-root of host a.test: Ingress b/web metadata.annotations[app-root] does, of another namespace; it counts for all requests of the host',
    'CrossNamespace Ingress c/web: spec.rules[0]: "a.test" does not decide the app-root of host a.test: Ingress b/web metadata.annotations[app-root] does, of another namespace; it counts for all requests of the host',
  ]);
});

test('what the first namespace of a host decides is told to nobody, unless it closes the host', () => {
  const parties = [party('a', 'first'), party('b')];
  const decision = { ...party('a', 'second'), ...appRoot };
  expect(told((record) => record.decides(decision), parties)).toEqual([]);
  const closing = told((record) => record.decides({ ...decision, isClosing: true }), parties);
  expect(closing.map(({ severity, source }) => `${severity} ${source.namespace}`)).toEqual([
    'error a',
    'error b',
  ]);
});

test('what one Ingress takes from another of its namespace is told to nobody', () => {
  const decision = { ...party('a'), ...appRoot };
  expect(told((record) => record.takes(decision, party('a', 'other')), [])).toEqual([]);
});

test('findings are as many as Ingresses, not as many as pairs of them', () => {
  const many = Array.from({ length: 100 }, (_, i) => party(`team-${i}`));
  const findings = told((record) => {
    for (const one of many) for (const other of many) record.takes({ ...one, ...appRoot }, other);
  }, many);
  expect(findings).toHaveLength(200);
});
