import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';

export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMetadata;
  readonly [field: string]: any;
}

export interface StoredMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: any;
}

/** A type the double serves. */
export interface ApiType {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** One write, as watches replay it. */
export interface Change {
  readonly version: number;
  readonly type: ApiType;
  readonly before?: StoredObject;
  readonly after?: StoredObject;
}

export class ApiFailure extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: number, reason: string, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

const TYPES: readonly ApiType[] = (
  [
    ['v1', 'ConfigMap', 'configmaps', true],
    ['v1', 'Endpoints', 'endpoints', true],
    ['v1', 'Event', 'events', true],
    ['v1', 'Namespace', 'namespaces', false],
    ['v1', 'Node', 'nodes', false],
    ['v1', 'Pod', 'pods', true],
    ['v1', 'Secret', 'secrets', true],
    ['v1', 'Service', 'services', true],
    [
      'admissionregistration.k8s.io/v1',
      'ValidatingWebhookConfiguration',
      'validatingwebhookconfigurations',
      false,
    ],
    ['apps/v1', 'Deployment', 'deployments', true],
    ['coordination.k8s.io/v1', 'Lease', 'leases', true],
    ['discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', true],
    ['networking.k8s.io/v1', 'Ingress', 'ingresses', true],
    ['networking.k8s.io/v1', 'IngressClass', 'ingressclasses', false],
  ] as const
).map(([apiVersion, kind, plural, isNamespaced]) => ({ apiVersion, kind, plural, isNamespaced }));

export function typeOfKind(kind: string): ApiType {
  const type = TYPES.find((known) => known.kind === kind);
  if (type === undefined) throw new Error(`the API server double does not serve ${kind}`);
  return type;
}

export function typeOfPath(apiVersion: string, plural: string): ApiType | undefined {
  return TYPES.find((known) => known.apiVersion === apiVersion && known.plural === plural);
}

type Draft = { metadata?: Record<string, any>; [field: string]: any };

/** The objects of the double, with versions, and every write since the last compaction. */
export class ApiObjects {
  #version = 100;
  #compacted = 100;
  readonly #objects = new Map<string, StoredObject>();
  #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();

  get version(): number {
    return this.#version;
  }

  /** Writes up to this version are forgotten. */
  get compactedVersion(): number {
    return this.#compacted;
  }

  list(type: ApiType, namespace = ''): StoredObject[] {
    const inside = namespace === '' ? `${type.kind}/` : `${type.kind}/${namespace}/`;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(inside)).toSorted();
    return keys.map((key) => this.#objects.get(key)!);
  }

  get(type: ApiType, namespace: string, name: string): StoredObject {
    const object = this.#objects.get(keyOf(type, namespace, name));
    if (object === undefined) {
      throw new ApiFailure(404, 'NotFound', `${type.plural} "${name}" not found`, {
        name,
        kind: type.plural,
      });
    }
    return object;
  }

  create(type: ApiType, namespace: string, draft: Draft): StoredObject {
    const { generateName, ...metadata } = draft.metadata ?? {};
    const name = metadata.name ?? `${generateName}${randomUUID().slice(0, 5)}`;
    const key = keyOf(type, namespace, name);
    if (this.#objects.has(key)) {
      throw new ApiFailure(409, 'AlreadyExists', `${type.plural} "${name}" already exists`);
    }
    const object = {
      ...structuredClone(draft),
      apiVersion: type.apiVersion,
      kind: type.kind,
      metadata: {
        ...structuredClone(metadata),
        name,
        ...(type.isNamespaced ? { namespace } : {}),
        uid: metadata.uid ?? randomUUID(),
        creationTimestamp: metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
        generation: 1,
      },
    } as unknown as StoredObject;
    return this.#write(type, key, undefined, object);
  }

  /** Replaces an object or, with `part`, only its status; an object that stays the same gets no new version. */
  update(type: ApiType, namespace: string, name: string, draft: Draft, part?: 'status'): StoredObject {
    const before = this.get(type, namespace, name);
    const asked = draft.metadata?.resourceVersion;
    if (asked !== undefined && asked !== '' && asked !== before.metadata.resourceVersion) {
      const message = `Operation cannot be fulfilled on ${type.plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`;
      throw new ApiFailure(409, 'Conflict', message);
    }
    const body = structuredClone(draft);
    const { uid, creationTimestamp, namespace: home } = before.metadata;
    const metadata = { ...body.metadata, name, namespace: home, uid, creationTimestamp };
    const after =
      part === 'status'
        ? { ...before, metadata, status: body.status }
        : { ...body, apiVersion: type.apiVersion, kind: type.kind, metadata, status: before.status };
    return this.#replace(type, before, after as unknown as StoredObject);
  }

  /** Applies a JSON merge patch (RFC 7396). */
  patch(type: ApiType, namespace: string, name: string, patch: object, part?: 'status'): StoredObject {
    const before = this.get(type, namespace, name);
    const patched = mergePatch(before, patch) as StoredObject;
    const asked = (patch as Draft).metadata?.resourceVersion;
    const draft = { ...patched, metadata: { ...patched.metadata, resourceVersion: asked ?? '' } };
    return this.update(type, namespace, name, draft, part);
  }

  /** What the cluster's own controllers and users do: creates or replaces, status included where it is given. */
  put(draft: Draft): StoredObject {
    const type = typeOfKind(draft.kind);
    const namespace = type.isNamespaced ? (draft.metadata?.namespace ?? 'default') : '';
    const before = this.#objects.get(keyOf(type, namespace, draft.metadata?.name));
    if (before === undefined) return this.create(type, namespace, draft);
    const { name, uid, creationTimestamp } = before.metadata;
    const metadata = {
      ...draft.metadata,
      name,
      namespace: before.metadata.namespace,
      uid,
      creationTimestamp,
    };
    const status = draft.status ?? before.status;
    return this.#replace(
      type,
      before,
      structuredClone({ ...draft, metadata, status }) as unknown as StoredObject,
    );
  }

  delete(type: ApiType, namespace: string, name: string): StoredObject {
    const before = this.get(type, namespace, name);
    const key = keyOf(type, namespace, name);
    this.#objects.delete(key);
    const version = ++this.#version;
    // A watch shows a deleted object with the version of its deletion.
    const gone = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
    this.#record({ version, type, before: gone });
    return gone;
  }

  /** Writes after a version; undefined when some of them are forgotten. */
  changesAfter(version: number): readonly Change[] | undefined {
    if (version < this.#compacted) return undefined;
    return this.#changes.filter((change) => change.version > version);
  }

  /** Forgets all writes so far, as etcd does after five minutes. */
  compact(): void {
    this.#compacted = this.#version;
    this.#changes = [];
  }

  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #replace(type: ApiType, before: StoredObject, after: StoredObject): StoredObject {
    const { resourceVersion, generation, managedFields: _, ...rest } = before.metadata;
    const isSpecSame = isDeepStrictEqual(withoutStatus(before), withoutStatus(after));
    const next = {
      ...after,
      metadata: {
        ...rest,
        labels: after.metadata.labels,
        annotations: after.metadata.annotations,
        generation: isSpecSame ? generation : generation + 1,
        resourceVersion,
      },
    } as unknown as StoredObject;
    if (isDeepStrictEqual(plain(before), plain(next))) return before;
    const { namespace = '', name } = before.metadata;
    return this.#write(type, keyOf(type, namespace, name), before, next);
  }

  #write(type: ApiType, key: string, before: StoredObject | undefined, draft: StoredObject): StoredObject {
    const version = ++this.#version;
    const after = plain({ ...draft, metadata: { ...draft.metadata, resourceVersion: String(version) } });
    this.#objects.set(key, after);
    this.#record({ version, type, before, after });
    return after;
  }

  #record(change: Change): void {
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

/** Reads YAML documents, objects and lists of objects into single ones. */
export function toDrafts(input: string | object | readonly object[]): Draft[] {
  const given =
    typeof input === 'string'
      ? parseAllDocuments(input).map((document) => {
          if (document.errors[0] !== undefined) throw document.errors[0];
          return document.toJS() as Draft | null;
        })
      : ([input].flat() as Draft[]);
  return given.flatMap((draft) => {
    if (draft === null) return [];
    return typeof draft.kind === 'string' && draft.kind.endsWith('List') ? toDrafts(draft.items) : [draft];
  });
}

function keyOf(type: ApiType, namespace: string, name: string): string {
  return type.isNamespaced ? `${type.kind}/${namespace}/${name}` : `${type.kind}/${name}`;
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function withoutStatus(object: StoredObject): unknown {
  return plain({ ...object, metadata: undefined, status: undefined });
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const merged: Record<string, unknown> = isObject ? { ...(target as object) } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
