/** Where a value came from: one object of the cluster and, when known, the field in it. */
export interface SourceRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Path of the field, such as `spec.rules[0].http.paths[1].path` or `metadata.annotations[proxy-body-size]`. */
  readonly field?: string;
  /** UID of the object; Events need it. */
  readonly uid?: string;
}

/** A value by itself. */
export function withoutSource<T extends { readonly source: SourceRef }>(value: T): WithoutSource<T> {
  const { source: _, ...plain } = value;
  return plain as WithoutSource<T>;
}

type WithoutSource<T> = T extends unknown ? Omit<T, 'source'> : never;

/** Prints a source as `Kind namespace/name field`, the form every message uses. */
export function printSource(source: SourceRef): string {
  const name = source.namespace === '' ? source.name : `${source.namespace}/${source.name}`;
  return source.field === undefined ? `${source.kind} ${name}` : `${source.kind} ${name} ${source.field}`;
}
