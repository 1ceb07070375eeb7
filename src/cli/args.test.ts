import { describe, expect, test } from 'vitest';
import { CONTROLLER_FLAGS } from '../../test/fixtures/ingress-nginx-names.ts';
import { parseArgs, UsageError } from './args.ts';
import type { FlagKind, FlagValue } from './flag.ts';
import { FLAGS, isTakenBy } from './flags.ts';

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
    expect(parse('controller', '--sync-rate-limit=0.5').unused).toEqual([
      '--sync-rate-limit sets nothing in Serin: Serin applies changes at once.',
    ]);
  });

  test('refuses by name, with the reason, what it will not do or cannot', () => {
    const { unused } = parse('controller', '--maxmind-mirror=http://a.test', '--maxmind-license-key=x');
    expect(unused).toEqual([
      '--maxmind-license-key is refused: No database is fetched: put the files into the folder of --geoip-directory, and use-geoip2 reads them there.',
      '--maxmind-mirror is refused: No database is fetched: put the files into the folder of --geoip-directory, and use-geoip2 reads them there.',
    ]);
  });

  test('says nothing of a refused flag that asks for nothing', () => {
    expect(parse('controller', '--maxmind-mirror=', '--maxmind-license-key=').unused).toEqual([]);
  });

  test('has the ports of a user without root for serve', () => {
    const { flags } = parse('serve', 'a.yaml', 'b');
    expect([flags.number('http-port'), flags.number('https-port')]).toEqual([8080, 8443]);
    expect(flags.boolean('watch-ingress-without-class')).toBe(false);
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

  test('an election-ttl of less than nothing is read, not refused', () => {
    expect(parse('controller', '--election-ttl=-1s').flags.number('election-ttl')).toBe(-1);
    expect(parse('controller', '--election-ttl=100us').flags.number('election-ttl')).toBeCloseTo(1e-4, 9);
  });

  test('a stray word is named and ignored, where a boolean was given its value behind a blank', () => {
    const { flags, rest, unused } = parse('controller', '--enable-metrics', 'false', '--http-port=81', 'x');
    expect([flags.boolean('enable-metrics'), flags.number('http-port'), rest]).toEqual([true, 81, []]);
    expect(unused.map((text) => text.slice(0, 12))).toEqual(['"false" is n', '"x" is no fl']);
  });

  test('serve takes the flags of the controller, and names those that mean nothing to it', () => {
    const { flags, unused } = parse(
      'serve',
      '--election-id=x',
      '--publish-service=a/b',
      '--validating-webhook=:8443',
      '--ingress-class=mine',
      '--sync-rate-limit=0.5',
      'a.yaml',
    );
    expect(flags.string('ingress-class')).toBe('mine');
    expect(unused.map((text) => text.split(':')[0])).toEqual([
      '--election-id sets nothing without a cluster',
      '--publish-service sets nothing without a cluster',
      '--sync-rate-limit sets nothing in Serin',
      '--validating-webhook sets nothing without a cluster',
    ]);
  });

  test("klog's flags are taken with underscores and with dashes", () => {
    for (const name of ['legacy_stderr_threshold_behavior', 'legacy-stderr-threshold-behavior'])
      expect(parse('controller', `--${name}`).flags.has('legacy_stderr_threshold_behavior')).toBe(true);
  });

  test('the last of two values counts, lists grow', () => {
    expect(parse('controller', '--election-id=a', '--election-id', 'b').flags.string('election-id')).toBe(
      'b',
    );
    const { flags } = parse('controller', '--exclude-socket-metrics=a', '--exclude-socket-metrics="b,c",d');
    expect(flags.list('exclude-socket-metrics')).toEqual(['a', 'b,c', 'd']);
  });

  const refused: [string, string[], string][] = [
    ['an unknown flag', ['controller', '--nope'], '--nope'],
    ['a wrong number', ['controller', '--http-port=http'], '--http-port: "http" is not a whole number'],
    ['a wrong boolean', ['controller', '--update-status=yes'], '--update-status: "yes" is not a boolean'],
    ['no command', [], 'Usage: serin'],
    ['an unknown command', ['serv'], 'serin has no command "serv"'],
    ['a flag without its value', ['controller', '--http-port'], 'flag needs an argument: --http-port'],
    [
      'a flag for a value',
      ['controller', '--http-port', '--update-status'],
      '"--update-status" is not a whole',
    ],
    ['a third dash', ['controller', '---v=5'], 'bad flag syntax: ---v=5'],
    ['a long flag behind one dash', ['controller', '-logtostderr'], 'unknown flag: -l'],
    ['-v alone', ['controller', '-v'], 'flag needs an argument: -v'],
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
    expect(() => parse('controller', '--version=true')).toThrow('1.2.3');
    expect(parse('controller', '--version=false').command).toBe('controller');
  });

  test('--help prints the flags and ends well', () => {
    for (const argv of [
      ['--help'],
      ['-h'],
      ['controller', '--help'],
      ['controller', '-h'],
      ['serve', '--help'],
      ['help'],
      ['help', 'check'],
    ]) {
      try {
        parse(...argv);
        expect.unreachable();
      } catch (error) {
        expect((error as UsageError).exitCode).toBe(0);
        expect((error as UsageError).message).toContain('Usage: serin');
      }
    }
  });
});

test('the help of a command says where it takes the flags of the controller, too', () => {
  const help = (command: string) => {
    try {
      return String(parse(command, '--help'));
    } catch (error) {
      return (error as UsageError).message;
    }
  };
  for (const command of ['serve', 'check', 'rbac'])
    expect(help(command)).toContain("the controller's flags, too");
  for (const command of ['controller', 'certgen'])
    expect(help(command)).not.toContain('too: `serin controller');
});

/** Spellings that pflag takes for a value of each kind, with what they mean. */
const SPELLINGS: Readonly<Record<FlagKind, readonly (readonly [text: string, want: FlagValue])[]>> = {
  string: [
    ['x', 'x'],
    ['', ''],
    ['a=b', 'a=b'],
    ['--x', '--x'],
  ],
  boolean: [
    ...['true', 't', 'T', 'TRUE', 'True', '1'].map((text) => [text, true] as const),
    ...['false', 'f', 'F', 'FALSE', 'False', '0'].map((text) => [text, false] as const),
  ],
  integer: [
    ['80', 80],
    ['+80', 80],
    ['-80', -80],
    ['0x50', 80],
    ['0X50', 80],
    ['0o120', 80],
    ['0120', 80],
    ['0b1010000', 80],
    ['8_0', 80],
    ['0x_5_0', 80],
  ],
  number: [
    ['0.5', 0.5],
    ['.5', 0.5],
    ['5e-1', 0.5],
    ['0x1p-1', 0.5],
    ['-1', -1],
    ['inf', Infinity],
  ],
  seconds: [
    ['0', 0],
    ['1h2m', 3720],
    ['1.5h', 5400],
    ['-1s', -1],
    ['100us', 100 * 1e-6],
    ['250ms', 0.25],
  ],
  list: [
    ['a,b', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['', []],
  ],
};

/** What pflag refuses. */
const REFUSED: Readonly<Record<FlagKind, readonly string[]>> = {
  string: [],
  boolean: ['yes', '', 'tRUE', ' true', 'true=1'],
  integer: ['', '08', '0x', '1__0', '_1', '5.0', '5s', '1e3', '9223372036854775808'],
  number: ['', 'abc', '1e400', ' 1'],
  seconds: ['', '1d', '1m30', '1H', '0x10s', '.s'],
  list: ['"a'],
};

describe('every flag, in every spelling that pflag takes', () => {
  for (const command of ['controller', 'serve'] as const) {
    for (const flag of FLAGS.filter((one) => isTakenBy(one, command))) {
      test(`${command} --${flag.name}`, () => {
        const read = (...argv: string[]) => {
          const { flags } = parse(command, ...argv);
          expect(flags.has(flag.name)).toBe(true);
          return flags.string(flag.name) as FlagValue;
        };
        for (const [text, want] of SPELLINGS[flag.kind]) {
          expect(read(`--${flag.name}=${text}`)).toEqual(want);
          if (flag.kind !== 'boolean') expect(read(`--${flag.name}`, text)).toEqual(want);
          if (flag.name.length > 1) continue;
          expect(read(`-${flag.name}=${text}`)).toEqual(want);
          expect(read(`-${flag.name}${text}`)).toEqual(want);
          expect(read(`-${flag.name}`, text)).toEqual(want);
        }
        if (flag.kind === 'boolean') expect(read(`--${flag.name}`, 'false')).toBe(true);
        for (const text of REFUSED[flag.kind])
          expect(() => parse(command, `--${flag.name}=${text}`)).toThrow(`--${flag.name}: "${text}"`);
      });
    }
  }
});

test('every flag of ingress-nginx is taken', () => {
  const known = new Set([
    'version',
    ...FLAGS.filter((flag) => isTakenBy(flag, 'controller')).map(({ name }) => name),
  ]);
  const missing = CONTROLLER_FLAGS.filter((name) => !known.has(name));
  expect(missing).toEqual([]);
});
