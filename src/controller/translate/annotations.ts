import {
  ADDRESSES_MAX,
  VALUE_LENGTH_MAX,
  type AnnotationSpec,
  type Feature,
  type Lookup,
  type NamedUpstream,
  type TranslateContext,
} from '../../features/kit/feature.ts';
import { withInstead } from '../../features/kit/instead.ts';
import type { Parsed } from '../../features/kit/parsed.ts';
import type { UpstreamAddress } from '../../features/kit/upstream-address.ts';
import type { VainAnnotation } from '../../features/kit/vain.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { groupNames } from '../../lib/path-search.ts';
import { createFindings, type Finding, type Findings } from '../../model/finding.ts';
import type { CanaryPolicy, Policies } from '../../model/policy.ts';
import type { SourceRef } from '../../model/source.ts';
import type { IngressObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { resolveAddress, type AddressedUpstream } from './addressed.ts';
import { rankOfRisk, type AnnotationSettings } from './annotation-settings.ts';
import { createTracker, type Dependency, type Tracker } from './dependencies.ts';
import type { Refusal } from './inspection.ts';
import { KNOWN_ANNOTATIONS, type KnownAnnotation } from './known-annotations.ts';
import { keyOfAnnotations, type SharedAnnotations } from './shared-annotations.ts';
import {
  findVainOfIngress,
  hostsOf,
  NOTHING_VAIN,
  placeOf,
  reportVain,
  vainOnCanary,
  type FeatureReading,
  type VainOfIngress,
} from './vain-annotations.ts';

/** What the annotations of one Ingress say. Good as long as the settings and the dependencies are the same. */
export interface ParsedAnnotations {
  readonly route: Policies;
  /** Of those, what other routes of its hosts have where they have none of their own. */
  readonly routeOfHost: Policies;
  readonly host: Policies;
  readonly upstream: Policies;
  /** Set on a canary Ingress. */
  readonly canary?: CanaryPolicy;
  /** The routes answer 503. */
  readonly isDenied: boolean;
  /** Field for which all routes of its hosts answer 403. */
  readonly hostDeniedBy?: string;
  /** Any makes the Ingress one that is not taken in (docs/reference/annotations.md §0.3 DROP). */
  readonly refusals: readonly Refusal[];
  /** What has no effect because of where the Ingress is: on a canary, or on hosts without a certificate. */
  readonly vain: VainOfIngress;
  /** Text by name without prefix. */
  readonly written: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
  readonly dependencies: readonly Dependency[];
  /** Upstreams that no path leads to. */
  readonly addressed: readonly AddressedUpstream[];
}

export interface AnnotationsInput {
  readonly ingress: Pick<IngressObject, 'namespace' | 'annotations'> &
    Partial<Pick<IngressObject, 'rules' | 'defaultBackend'>>;
  readonly source: SourceRef;
  readonly features: readonly Feature[];
  readonly settings: AnnotationSettings;
  readonly snapshot: ClusterSnapshot;
  /** Without slash. */
  readonly prefix: string;
  /** --enable-annotation-validation; default true. */
  readonly areValidated?: boolean;
  /** --disable-svc-external-name. */
  readonly isExternalNameDisabled?: boolean;
  /** What other Ingresses have said. */
  readonly shared?: SharedAnnotations<ParsedAnnotations>;
}

/** Annotations that ingress-nginx never had; they keep their whole names. */
const OWN_PREFIX = 'serin.dev/';
const DEFAULT_PREFIX = 'nginx.ingress.kubernetes.io';

/** Parses all annotations of one Ingress and has every feature translate its own. Never throws on what a user wrote. */
export function parseAnnotations(input: AnnotationsInput): ParsedAnnotations {
  const { ingress, shared, settings } = input;
  if (shared === undefined) return parseAnew(input).parsed;
  const key = keyOfAnnotations(ingress);
  const known = shared.get(key, settings, (written) => placeOf(ingress, written, settings, false));
  if (known !== undefined) return known;
  const { parsed, readings, isOfThisIngress } = parseAnew(input);
  if (!isOfThisIngress) shared.set(key, parsed, readings);
  return parsed;
}

interface ParsedAnew {
  readonly parsed: ParsedAnnotations;
  readonly readings: readonly FeatureReading[];
  /** It is a canary, or a feature asked for its name, hosts or paths. */
  readonly isOfThisIngress: boolean;
}

function parseAnew(input: AnnotationsInput): ParsedAnew {
  const { ingress, source, prefix } = input;
  const findings = createFindings();
  const tracker = createTracker(input.snapshot);
  const written = annotationsUnder(prefix, ingress.annotations);
  for (const [key, value] of ingress.annotations) if (key.startsWith(OWN_PREFIX)) written.set(key, value);
  const state: State = {
    ...input,
    findings,
    tracker,
    written,
    refusals: [],
    readings: [],
    unsupportedOnCanary: [],
    addressed: new Map(),
    isCanary: isMarkedAsCanary(written, input.features),
    isDenied: false,
    hostDeniedBy: undefined,
    isOfThisIngress: false,
  };

  checkWords(state);
  checkNames(state);
  if (prefix !== DEFAULT_PREFIX) {
    for (const name of annotationsUnder(DEFAULT_PREFIX, ingress.annotations).keys()) {
      findings.warn(source, 'ForeignAnnotation', {
        field: `metadata.annotations[${DEFAULT_PREFIX}/${name}]`,
        problem: `is not read, since --annotations-prefix is ${prefix}`,
        consequence: 'it is ignored',
      });
    }
  }

  const policies = {
    route: {} as Record<string, unknown>,
    routeOfHost: {} as Record<string, unknown>,
    host: {} as Record<string, unknown>,
    upstream: {} as Record<string, unknown>,
  };
  let canary: CanaryPolicy | undefined;
  for (const feature of input.features) {
    const policy = translateFeature(state, feature);
    if (policy === undefined) continue;
    if (feature.marksCanary !== undefined) {
      canary = policy as CanaryPolicy;
      continue;
    }
    policies[feature.scope][feature.name] = policy;
    if (feature.isForHost?.(policy, state.settings.text) === true)
      policies.routeOfHost[feature.name] = policy;
    if (feature.isOnRoutes === true) policies.route[feature.name] = policy;
  }
  const vain = state.refusals.length === 0 ? vainOf(state) : NOTHING_VAIN;
  const parsed = {
    ...policies,
    canary,
    isDenied: state.isDenied,
    ...(state.hostDeniedBy === undefined ? {} : { hostDeniedBy: state.hostDeniedBy }),
    refusals: state.refusals,
    vain,
    written,
    findings: findings.list(),
    dependencies: tracker.seen,
    addressed: [...state.addressed.values()],
  };
  return { parsed, readings: state.readings, isOfThisIngress: state.isOfThisIngress || state.isCanary };
}

interface State extends AnnotationsInput {
  readonly findings: Findings;
  readonly tracker: Tracker;
  /** Text by name without prefix. */
  readonly written: ReadonlyMap<string, string>;
  readonly refusals: Refusal[];
  readonly readings: FeatureReading[];
  readonly isCanary: boolean;
  readonly unsupportedOnCanary: VainAnnotation[];
  /** By id. */
  readonly addressed: Map<string, AddressedUpstream>;
  isDenied: boolean;
  hostDeniedBy: string | undefined;
  isOfThisIngress: boolean;
}

function annotationsUnder(prefix: string, all: ReadonlyMap<string, string>): Map<string, string> {
  const start = `${prefix}/`;
  const found = new Map<string, string>();
  for (const [key, value] of all) if (key.startsWith(start)) found.set(key.slice(start.length), value);
  return found;
}

function isMarkedAsCanary(written: ReadonlyMap<string, string>, features: readonly Feature[]): boolean {
  return features.some(
    ({ marksCanary }) =>
      marksCanary !== undefined && parseGoBool(written.get(marksCanary)?.trim() ?? '') === true,
  );
}

function fieldOf(name: string): string {
  return `metadata.annotations[${name}]`;
}

function checkWords(state: State): void {
  for (const [name, value] of state.written) {
    const word = state.settings.blockedWords.find((blocked) => value.includes(blocked));
    if (word === undefined) continue;
    const problem = `contains the word "${word}", which annotation-value-word-blocklist forbids`;
    state.refusals.push({ field: fieldOf(name), value, problem });
  }
}

/** Risk of every name, and a finding for each that no feature defines. */
function checkNames(state: State): void {
  const { findings, source, settings } = state;
  for (const [name, value] of state.written) {
    const spec = specOf(state.features, name);
    const known = spec ?? KNOWN_ANNOTATIONS.get(name);
    const field = fieldOf(name);
    if (known === undefined) {
      const consequence = 'it is ignored';
      findings.warn(source, 'UnknownAnnotation', {
        field,
        value,
        problem: 'is no annotation that is known',
        consequence,
      });
      continue;
    }
    if ('consequence' in known) {
      const parsed = value.trim() === '' ? undefined : known.parse?.(normalise(value));
      if (parsed?.ok === false) {
        state.refusals.push({ field, value, problem: parsed.problem });
        continue;
      }
      reportUnsupported(state, name, known, value.trim());
      // A snippet is taken out before the Ingress is judged, as ingress-nginx does.
      if (known.risk === 'critical') continue;
    }
    if (rankOfRisk(known.risk) > settings.maxRisk) {
      const problem = `is an annotation of risk ${known.risk}, above annotations-risk-level`;
      state.refusals.push({ field, value, problem });
    }
  }
}

/** Says what is not supported; what has no effect anyhow, or asks for what is so without it, is not told as if it had. */
function reportUnsupported(state: State, name: string, known: KnownAnnotation, text: string): void {
  const { findings, source, written } = state;
  const { needs, isProtection = false } = known;
  if (known.off === text) return;
  const value = known.risk === 'critical' ? '' : text;
  if (state.isCanary) {
    state.unsupportedOnCanary.push(vainOnCanary(name, value, isProtection));
    return;
  }
  const isEmpty = text === '';
  const isThere = (other: string) => (written.get(other) ?? '').trim() !== '';
  if (!isEmpty && needs !== undefined && !needs.some(isThere)) {
    const problem = `counts only together with ${needs.join(' or ')}`;
    const consequence = isProtection ? 'it protects nothing' : 'it is ignored';
    const vain = { name, text: value, problem, consequence, isProtection, isOfPlainHosts: false };
    reportVain(vain, source, findings);
    return;
  }
  const field = fieldOf(name);
  const isError = isProtection && !isEmpty;
  const report = isError ? findings.error : findings.warn;
  report(source, 'UnsupportedAnnotation', {
    field,
    value,
    problem: 'is not supported',
    consequence: isEmpty ? 'it is ignored' : withInstead(name, known.consequence),
  });
}

function vainOf(state: State): VainOfIngress {
  if (state.written.size === 0) return NOTHING_VAIN;
  const place = placeOf(state.ingress, state.written, state.settings, state.isCanary);
  const found = findVainOfIngress(state.readings, place);
  for (const vain of found.own) reportVain(vain, state.source, state.findings);
  return { ...found, onCanary: [...found.onCanary, ...state.unsupportedOnCanary] };
}

function specOf(features: readonly Feature[], name: string): AnnotationSpec<unknown> | undefined {
  for (const { annotations } of features) {
    if (Object.hasOwn(annotations, name)) return annotations[name];
    for (const spec of Object.values(annotations)) if (spec.aliases?.includes(name)) return spec;
  }
  return undefined;
}

/** Each line trimmed (docs/reference/annotations.md §0.1). */
function normalise(raw: string): string {
  return raw.includes('\n')
    ? raw
        .split('\n')
        .map((line) => line.trim())
        .join('\n')
    : raw.trim();
}

/** The first name that is present and not empty: the canonical one, then the aliases. */
function findWritten(
  state: State,
  key: string,
  spec: AnnotationSpec<unknown>,
): { name: string; text: string } | undefined {
  for (const name of [key, ...(spec.aliases ?? [])]) {
    const raw = state.written.get(name);
    if (raw === undefined) continue;
    const text = normalise(raw);
    if (text !== '') return { name, text };
  }
  return undefined;
}

/** Other names of the same annotation that say something else. */
function reportOtherNames(
  state: State,
  key: string,
  { aliases = [], isProtection = false }: AnnotationSpec<unknown>,
  found: { readonly name: string; readonly text: string },
): void {
  for (const name of [key, ...aliases]) {
    const text = normalise(state.written.get(name) ?? '');
    if (name === found.name || text === '' || text === found.text) continue;
    const problem = `does not count beside ${found.name}`;
    const consequence = `${found.name} counts`;
    const vain = { name, text, problem, consequence, isProtection, isOfPlainHosts: false };
    reportVain(vain, state.source, state.findings);
  }
}

const CONSEQUENCES = {
  deny: 'the routes of the Ingress answer 503',
  default: 'its default is used',
} as const;

function translateFeature(state: State, feature: Feature): unknown {
  const { findings, source, settings } = state;
  const values: Record<string, unknown> = {};
  const written = new Map<string, { readonly name: string; readonly text: string }>();
  let isGroupIgnored = false;
  let isRefused = false;
  for (const [key, spec] of Object.entries(feature.annotations)) {
    values[key] = settings.defaultOf(feature, key);
    const found = state.written.size === 0 ? undefined : findWritten(state, key, spec);
    if (found === undefined) continue;
    reportOtherNames(state, key, spec, found);
    const parsed = parseWithin(spec, found.text, state.areValidated !== false);
    if (parsed.ok) {
      values[key] = parsed.value;
      written.set(key, found);
      continue;
    }
    const field = fieldOf(found.name);
    const { problem } = parsed;
    if (spec.onInvalid === 'drop') {
      state.refusals.push({ field, value: found.text, problem });
      isRefused = true;
      continue;
    }
    if (spec.onInvalid === 'deny') state.isDenied = true;
    if (spec.onInvalid === 'group') isGroupIgnored = true;
    const { ifInvalid } = spec;
    if (ifInvalid !== undefined) values[key] = ifInvalid;
    const consequence =
      spec.onInvalid === 'group'
        ? `all annotations of ${feature.name} are ignored`
        : ifInvalid === undefined
          ? CONSEQUENCES[spec.onInvalid]
          : `it is taken as ${String(ifInvalid)}`;
    const report = spec.onInvalid === 'deny' ? findings.error : findings.warn;
    report(source, 'InvalidAnnotation', { field, value: found.text, problem, consequence });
  }
  // Nothing of the Ingress is taken in: what the feature would find is beside the point.
  if (isRefused) return undefined;
  if (written.size > 0 && !isGroupIgnored) state.readings.push({ feature, values, written });
  if (isGroupIgnored)
    for (const key of Object.keys(feature.annotations)) values[key] = settings.defaultOf(feature, key);
  try {
    return feature.translate(values, createContext(state, feature, isGroupIgnored));
  } catch (cause) {
    // A feature that throws is our bug; its Ingress fails closed and the others go on.
    state.isDenied = true;
    findings.error(source, 'InternalError', {
      problem: `feature ${feature.name} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      consequence: CONSEQUENCES.deny,
    });
    return undefined;
  }
}

function parseWithin<T>(spec: AnnotationSpec<T>, text: string, isValidated: boolean): Parsed<T> {
  const { maxLength = VALUE_LENGTH_MAX } = spec;
  const parse = isValidated ? spec.parse : (spec.parseUnchecked ?? spec.parse);
  return text.length > maxLength
    ? { ok: false, problem: `is longer than ${maxLength} characters` }
    : parse(text);
}

function createContext(state: State, feature: Feature, isGroupIgnored: boolean): TranslateContext {
  const { ingress, source, settings, findings } = state;
  return {
    namespace: ingress.namespace,
    get source() {
      state.isOfThisIngress = true;
      return source;
    },
    findings,
    lookup: createLookup(state),
    setting: settings.text,
    hasGroup(name) {
      state.isOfThisIngress = true;
      const { rules = [] } = ingress;
      return rules.some(({ paths }) => paths.some(({ path }) => groupNames(path).includes(name)));
    },
    get hosts() {
      state.isOfThisIngress = true;
      return hostsOf(ingress);
    },
    upstream: (address) => nameUpstream(state, address),
    has: (key) => {
      if (isGroupIgnored && Object.hasOwn(feature.annotations, key)) return false;
      if (state.written.has(key)) return true;
      const aliases = feature.annotations[key]?.aliases ?? [];
      return aliases.some((alias) => state.written.has(alias));
    },
    text: (name) => normalise(state.written.get(name) ?? '') || undefined,
    isBlank: (key) => state.written.get(key)?.trim() === '',
    denyHost: (name) => {
      state.hostDeniedBy = fieldOf(name);
    },
    deny: () => {
      state.isDenied = true;
    },
  };
}

function nameUpstream(state: State, address: UpstreamAddress): NamedUpstream | undefined {
  const { addressed, tracker, isExternalNameDisabled = false } = state;
  const { upstream, problem } = resolveAddress(address, isExternalNameDisabled, tracker);
  if (!addressed.has(upstream.id) && addressed.size >= ADDRESSES_MAX) return undefined;
  addressed.set(upstream.id, upstream);
  return { id: upstream.id, problem };
}

/** Look-ups of a feature: a Secret of another namespace is refused unless allow-cross-namespace-resources allows it. */
function createLookup(state: State): Lookup {
  const { ingress, settings, tracker } = state;
  const isAllowed = (namespace: string) =>
    namespace === ingress.namespace || settings.isCrossNamespaceAllowed;
  return {
    secret: (namespace, name) =>
      isAllowed(namespace) ? tracker.secret(`${namespace}/${name}`)?.data : undefined,
    configMap: (namespace, name) => tracker.configMap(`${namespace}/${name}`)?.data,
    keySet: (url) => tracker.keySet(url),
    firstPort(namespace, name) {
      const port = tracker.service(`${namespace}/${name}`)?.ports[0];
      return port && String(port.port);
    },
  };
}
