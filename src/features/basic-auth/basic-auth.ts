import { redactBytes, revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { isExempt, readExemptPaths } from '../kit/exempt-paths.ts';
import { defineFeature, type Parser, type TranslateContext } from '../kit/feature.ts';
import type { AccessDenial, AccessVerdict } from '../kit/filter.ts';
import { isRedirected } from '../kit/vain.ts';
import { basic, basicWithSpaces, oneOf, plainText } from '../kit/values.ts';
import { PasswordChecks, type PasswordAnswer } from './password-checks.ts';
import { passwordFileOf, readPasswordFile } from './password-file.ts';

export interface BasicAuthPolicy {
  /** An htpasswd file. */
  readonly users: RedactedBytes;
  readonly realm: string;
  /** Path prefixes without authentication. */
  readonly exempt: readonly string[];
}

/** Entries of a Secret that one finding each is made of; the rest are counted. */
const TOLD_MAX = 3;

const BUSY: AccessDenial = { status: 503 };
const FIELD = 'metadata.annotations[auth-secret]';

/** As ingress-nginx reads it: whatever is not just `basic` is digest, if it has the one word or the other in it. */
const authType: Parser<'basic' | 'digest'> = (raw) => {
  if (!raw.includes('basic') && !raw.includes('digest')) {
    return { ok: false, problem: 'is neither basic nor digest' };
  }
  return { ok: true, value: raw === 'basic' ? 'basic' : 'digest' };
};

/** Users and passwords of a Secret (docs/reference/annotations.md §5.1). */
export const basicAuth = defineFeature({
  name: 'basic-auth',
  doc: 'Who may call a route, by user and password. The routes answer 503 where the users cannot be read.',
  scope: 'route',
  stage: 'access',
  annotations: {
    'auth-type': {
      parse: authType,
      risk: 'low',
      onInvalid: 'drop',
      isProtection: true,
      doc: '`basic`. `digest` closes the routes: it is not supported.',
    },
    'auth-secret': {
      // What is wrong with it is told below: it counts only with auth-type.
      parse: plainText,
      risk: 'medium',
      onInvalid: 'deny',
      isProtection: true,
      doc: 'name or namespace/name of the Secret with the users.',
    },
    'auth-secret-type': {
      parse: oneOf(['auth-file', 'auth-map']),
      risk: 'low',
      onInvalid: 'drop',
      fallback: 'auth-file',
      doc: '`auth-file`: the key `auth` is an htpasswd file. `auth-map`: each key is a user, its value the hash.',
    },
    'auth-realm': {
      parse: basicWithSpaces,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'drop',
      fallback: '',
      doc: 'What a browser calls the place that it asks a password for.',
    },
  },
  vain: [
    {
      of: ['auth-secret'],
      problem: 'counts only together with auth-type',
      consequence: 'it protects nothing',
      holds: (values) => values['auth-type'] === undefined,
    },
    {
      of: ['auth-secret-type', 'auth-realm'],
      problem: 'counts only together with auth-type',
      consequence: 'it is ignored',
      holds: (values) => values['auth-type'] === undefined,
    },
    {
      of: ['auth-type'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'everybody is redirected',
      holds: (_, place) => isRedirected(place),
    },
  ],
  translate: (values, context): BasicAuthPolicy | undefined => {
    const type = values['auth-type'];
    if (type === undefined) return undefined;
    if (type === 'digest') {
      return denyRoutes(context, 'UnsupportedAnnotation', {
        field: 'metadata.annotations[auth-type]',
        value: type,
        problem: 'asks for digest authentication, which is not supported',
        refused: 'auth-type: digest',
      });
    }
    const text = readUsers(values['auth-secret'], values['auth-secret-type'] ?? 'auth-file', context);
    if (text === undefined) return undefined;
    reportEntries(text, values['auth-secret']!, context);
    return {
      users: redactBytes(Buffer.from(text, 'latin1')),
      realm: values['auth-realm'] ?? '',
      exempt: readExemptPaths(context.setting),
    };
  },
  createFilter: ({ users, realm, exempt }, context) => {
    if (isExempt(exempt, context)) return undefined;
    const checks = context.ofWorker(createPasswordChecks);
    checks.join(context.counters.crew);
    const quoted = realm.replace(/["\\]/g, '\\$&');
    const challenge: AccessDenial = {
      status: 401,
      headers: [['WWW-Authenticate', `Basic realm="${quoted}"`]],
    };
    const toVerdict = (answer: PasswordAnswer): AccessVerdict =>
      answer === 'right' ? 'allow' : answer === 'busy' ? BUSY : challenge;
    return {
      isAuthorizationHidden: true,
      checkAccess(request) {
        const authorization = request.header('authorization');
        if (authorization === undefined) return challenge;
        const answer = checks.ask(users, authorization, request.startedAtMs);
        return typeof answer === 'string' ? toVerdict(answer) : answer.then(toVerdict);
      },
    };
  },
});

function createPasswordChecks(): PasswordChecks {
  return new PasswordChecks();
}

/** The htpasswd file that the annotations name, as bytes in latin1. */
function readUsers(
  reference: string | undefined,
  type: 'auth-file' | 'auth-map',
  context: TranslateContext,
): string | undefined {
  const refuse = (problem: string) =>
    denyRoutes(context, 'InvalidAnnotation', { field: FIELD, value: reference ?? '', problem });
  if (reference === undefined) return refuse('is missing, and auth-type needs it');
  const written = basic(reference);
  if (!written.ok) return refuse(written.problem);
  const parts = reference.split('/');
  const [namespace, name] = parts.length === 1 ? [context.namespace, reference] : parts;
  if (parts.length > 2 || !name) return refuse('is neither name nor namespace/name');
  const data = context.lookup.secret(namespace || context.namespace, name);
  if (data === undefined) {
    return refuse(
      namespace === context.namespace
        ? 'is a Secret that does not exist'
        : 'is a Secret that does not exist, or of another namespace',
    );
  }
  if (type === 'auth-map') return passwordFileOf(data);
  const file = data.get('auth');
  return file === undefined
    ? refuse('is a Secret without the key auth')
    : revealBytes(file).toString('latin1');
}

/** Says which users cannot come in, without a word of what the Secret holds. */
function reportEntries(text: string, reference: string, { source, findings }: TranslateContext): void {
  const { users, problems } = readPasswordFile(text);
  const report = (problem: string, consequence: string) =>
    findings.warn(source, 'InvalidPassword', { field: FIELD, value: reference, problem, consequence });
  for (const { line, problem } of problems.slice(0, TOLD_MAX)) {
    report(`is a Secret whose line ${line} of users ${problem}`, 'by that line nobody comes in');
  }
  if (problems.length > TOLD_MAX) {
    const rest = problems.length - TOLD_MAX;
    report(
      `is a Secret with ${rest} more lines of users that cannot be used`,
      'by those lines nobody comes in',
    );
  }
  if (users.values().every((hash) => hash === undefined)) {
    report('is a Secret without a user whose password could be checked', 'everybody is answered 401');
  }
}
