/** An object named as `namespace/name`. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

/** Reads `namespace/name`; undefined for anything else. */
export function parseNamespacedName(text: string): NamespacedName | undefined {
  const [namespace = '', name = '', ...rest] = text.split('/');
  return namespace === '' || name === '' || rest.length > 0 ? undefined : { namespace, name };
}
