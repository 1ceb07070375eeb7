import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FINDING_REASONS } from '../../src/model/finding.ts';
import { EXPLANATIONS } from '../../src/controller/audit/explanations.ts';
import { runSerinOnce } from '../fixtures/serin-once.ts';

const CLEAN = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: web}
spec:
  ingressClassName: nginx
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web}
spec: {ports: [{port: 80}]}
`;
const withAnnotations = (text: string) => CLEAN.replace('name: web}', `name: web, annotations: {${text}}}`);
const annotation = (name: string, value: string) =>
  `nginx.ingress.kubernetes.io/${name}: ${JSON.stringify(value)}`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-check-'));
  writeFileSync(join(folder, 'clean.yaml'), CLEAN);
  writeFileSync(join(folder, 'bad.yaml'), withAnnotations(annotation('proxy-ssl-verify', 'on')));
  writeFileSync(join(folder, 'odd.yaml'), withAnnotations(annotation('rewrite-taget', '/<b>|')));
});

const check = (...args: string[]) => runSerinOnce(['check', ...args]);

describe('serin check', () => {
  test('ends with 0 where nothing is wrong, 1 at what --fail-on asks for, 2 for a command line that cannot be run', async () => {
    expect((await check(join(folder, 'clean.yaml'))).code).toBe(0);
    expect((await check(join(folder, 'bad.yaml'))).code).toBe(1);
    expect((await check('--fail-on=never', join(folder, 'bad.yaml'))).code).toBe(0);
    expect((await check(join(folder, 'odd.yaml'))).code).toBe(0);
    expect((await check('--fail-on', 'warning', join(folder, 'odd.yaml'))).code).toBe(1);
    const missing = await check(join(folder, 'nowhere.yaml'));
    expect([missing.code, missing.stderr]).toEqual([
      2,
      `serin check: "${folder}/nowhere.yaml" does not exist\n`,
    ]);
    expect((await check()).stderr).toContain('name manifest files or folders');
    expect((await check('--output=pdf', 'x')).stderr).toBe(
      '--output: "pdf" is none of text, json, markdown, sarif\n',
    );
  });

  test('says so where there is no Ingress to check, and counts one as one', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'serin-check-'));
    expect((await check(empty)).stdout).toContain('note: There is no Ingress: none was checked.');
    writeFileSync(join(empty, 'broken.yaml'), 'a: [');
    expect((await check(empty)).stdout).toContain('; 1 error, 0 warnings.');
    expect((await check('--output=markdown', join(folder, 'clean.yaml'))).stdout).toContain(
      '1 Ingress, 1 of them served.',
    );
  });

  test('takes the arguments of the Deployment that it is about, without a word', async () => {
    const { code, stderr } = await check(
      '--publish-service=ingress-nginx/ingress-nginx-controller',
      '--election-id=ingress-nginx-leader',
      '--controller-class=k8s.io/ingress-nginx',
      '--ingress-class=nginx',
      '--validating-webhook=:8443',
      join(folder, 'clean.yaml'),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  test('reads standard input, of another class too', async () => {
    const { stdout } = await runSerinOnce(
      ['check', '-'],
      CLEAN.replace('ingressClassName: nginx', 'ingressClassName: traefik'),
    );
    expect(stdout).toContain(
      'Ingress shop/web (standard input:1): not served: its class traefik is not ours',
    );
  });

  test('what is not YAML is told with its line', async () => {
    const { code, stdout } = await runSerinOnce(['check', '-'], 'kind: Ingress\n\tmetadata: {}\n');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^error: UnreadableFile File standard input: line 2: is not YAML/m);
  });

  test('--output=json and sarif are what programs read, with the place of each object', async () => {
    const json = JSON.parse((await check('--output=json', join(folder, 'odd.yaml'))).stdout);
    expect(json.summary.values).toMatchObject({ unknown: 1, honoured: 0 });
    expect(json.objects[0].values).toEqual([
      { name: 'rewrite-taget', status: 'unknown', note: 'did you mean rewrite-target?' },
    ]);
    expect(json.objects[0].place).toEqual({ file: join(folder, 'odd.yaml'), line: 1 });
    const sarif = JSON.parse((await check('--output=sarif', join(folder, 'bad.yaml'))).stdout);
    const [run] = sarif.runs;
    expect(sarif.version).toBe('2.1.0');
    expect(run.results).toHaveLength(1);
    expect(run.results[0]).toMatchObject({ ruleId: 'IneffectiveAnnotation', level: 'error', ruleIndex: 0 });
    expect(run.results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: join(folder, 'bad.yaml') },
      region: { startLine: 1 },
    });
    expect(run.tool.driver.rules[0].id).toBe('IneffectiveAnnotation');
  });

  test('no markup of a manifest gets into --output=markdown', async () => {
    const { stdout } = await check('--output=markdown', '--fail-on=never', join(folder, 'odd.yaml'));
    expect(stdout).toContain('| `rewrite-taget` | unknown | did you mean rewrite-target? |');
    expect(stdout).toContain('"/\\<b\\>\\|"');
    expect(stdout).not.toContain('<b>');
  });

  test('--explain says what a code means', async () => {
    const { code, stdout } = await check('--explain', 'regexcontagion');
    expect([code, stdout.slice(0, 16)]).toEqual([0, 'RegexContagion: ']);
    expect((await check('--explain=Nonsense')).code).toBe(2);
    for (const reason of FINDING_REASONS) expect(EXPLANATIONS[reason].length).toBeGreaterThan(30);
  });
});
