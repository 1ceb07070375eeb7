import { describe, expect, test } from 'vitest';
import { parseArgs, UsageError } from './args.ts';

const parse = (...argv: string[]) => parseArgs(argv, '1.2.3');

describe('the command line', () => {
  test('takes the static manifest of ingress-nginx as it is', () => {
    const { command, flags, unused } = parse(
      'controller',
      '--election-id=ingress-nginx-leader',
      '--controller-class=k8s.io/ingress-nginx',
      '--ingress-class=nginx',
      '--configmap=ingress-nginx/ingress-nginx-controller',
      '--validating-webhook=:8443',
      '--validating-webhook-certificate=/usr/local/certificates/cert',
      '--validating-webhook-key=/usr/local/certificates/key',
      '--v=3',
    );
    expect(command).toBe('controller');
    expect(flags.string('election-id')).toBe('ingress-nginx-leader');
    expect(flags.number('v')).toBe(3);
    expect(flags.number('http-port')).toBe(80);
    expect(unused).toEqual([]);
  });

  test('names flags that set nothing', () => {
    expect(parse('controller', '--sync-rate-limit=0.5', '--enable-ssl-passthrough').unused).toEqual([
      '--sync-rate-limit sets nothing in Serin: Serin applies changes at once.',
      '--enable-ssl-passthrough is not honoured yet: TLS passthrough.',
    ]);
  });

  test('has the ports of a user without root for serve', () => {
    const { flags } = parse('serve', 'a.yaml', 'b');
    expect([flags.number('http-port'), flags.number('https-port')]).toEqual([8080, 8443]);
    expect(flags.boolean('watch-ingress-without-class')).toBe(true);
  });

  test('collects repeated and positional manifests', () => {
    const { flags, rest } = parse('serve', '--manifests', 'a.yaml,b.yaml', '--manifests=c', 'd');
    expect(flags.list('manifests')).toEqual(['a.yaml', 'b.yaml', 'c']);
    expect(rest).toEqual(['d']);
  });

  const booleans: [string, boolean][] = [
    ['--update-status', true],
    ['--update-status=false', false],
    ['--update-status=0', false],
    ['--update-status=T', true],
  ];
  for (const [text, want] of booleans) {
    test(`${text} is ${want}`, () =>
      expect(parse('controller', text).flags.boolean('update-status')).toBe(want));
  }

  test('reads seconds and durations', () => {
    expect(parse('serve', '--shutdown-grace-period=5').flags.number('shutdown-grace-period')).toBe(5);
    expect(parse('controller', '--election-ttl=1m30s').flags.number('election-ttl')).toBe(90);
  });

  const refused: [string, string[], string][] = [
    ['an unknown flag', ['controller', '--nope'], '--nope'],
    ['a wrong number', ['controller', '--http-port=http'], '--http-port: "http" is not a whole number'],
    ['a wrong boolean', ['controller', '--update-status=yes'], '--update-status: "yes" is not a boolean'],
    ['no command', [], 'Usage: serin'],
  ];
  for (const [name, argv, text] of refused) {
    test(`refuses ${name}`, () => {
      try {
        parse(...argv);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as UsageError).message).toContain(text);
        expect((error as UsageError).exitCode).toBe(2);
      }
    });
  }

  test('--version prints the version and ends well', () => {
    expect(() => parse('controller', '--version')).toThrow('1.2.3');
    expect(() => parse('--version')).toThrow('1.2.3');
  });
});
