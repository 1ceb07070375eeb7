/** Where annotations stand: what of their Ingress decides whether they have an effect. */
export interface Place {
  /** Text of an annotation by its name without prefix; undefined: absent or blank. */
  text(name: string): string | undefined;
  /** Whether an annotation is there with nothing in it. */
  isBlank(name: string): boolean;
  /** ConfigMap text by key. */
  setting(key: string): string | undefined;
  /** Of its rules, in lower case; `_` for a rule without a host. */
  readonly hosts: readonly string[];
  readonly paths: readonly PlacePath[];
  /** It is a canary of others. */
  readonly isCanary: boolean;
  /** It has no rules, only a default backend. */
  readonly isDefaultBackendOnly: boolean;
}

export interface PlacePath {
  readonly path: string;
  readonly isExact: boolean;
}
