/** Which command takes a flag. */
export type CommandName = 'serve' | 'controller' | 'check' | 'rbac' | 'certgen';

export type FlagKind = 'string' | 'integer' | 'number' | 'boolean' | 'seconds' | 'list';

export type FlagValue = string | number | boolean | readonly string[];

/** One command-line flag. Names, defaults and meanings are ingress-nginx's wherever it has the flag (docs/reference/settings.md §3). */
export interface Flag {
  readonly name: string;
  readonly kind: FlagKind;
  readonly fallback: FlagValue;
  /** Default of `serin serve` where it differs. */
  readonly serveFallback?: FlagValue;
  readonly commands: readonly CommandName[];
  readonly doc: string;
  /**
   * Set on flags that are taken so that an existing Deployment starts, and then named in the log: `inert` ones have
   * nothing to set in Serin, `refused` ones ask for something that Serin does not do.
   */
  readonly unused?: 'inert' | 'refused';
}

/** A flag as the tables have it. */
export type FlagRow = readonly [
  name: string,
  kind: FlagKind,
  fallback: FlagValue,
  commands: readonly CommandName[],
  doc: string,
  more?: { readonly serveFallback?: FlagValue; readonly unused?: 'inert' | 'refused' },
];
