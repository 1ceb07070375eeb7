import { readSelector, type LabelSelector } from './label-selector.ts';
import type { IngressObject } from './objects.ts';
import type { ClusterSnapshot } from './object-store.ts';

/** Which Ingresses are ours: the flags of docs/reference/routing.md §1.1. */
export interface OwnershipOptions {
  /** --ingress-class: value of the annotation, and the name for `isClassMatchedByName`. */
  readonly ingressClass: string;
  /** --controller-class. */
  readonly controllerClass: string;
  /** --ingress-class-by-name. */
  readonly isClassMatchedByName: boolean;
  /** --watch-ingress-without-class. */
  readonly isWithoutClassServed: boolean;
  /** Serve an Ingress without class when a default class is ours: what the API server does on creation, for manifest files. */
  readonly isDefaultClassHonoured: boolean;
  /** --watch-namespace; empty is all. */
  readonly watchNamespace: string;
  /** --watch-namespace-selector; empty is all. */
  readonly watchNamespaceSelector: string;
}

/** `unknown-class`: the Ingress names our class, but no such IngressClass exists. */
export type Ownership = 'ours' | 'not-ours' | 'unknown-class';

export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** Creates the test for one snapshot. IngressClasses count as they are now, so a change of one is followed at once. */
export function createOwnership(
  snapshot: ClusterSnapshot,
  options: OwnershipOptions,
): (ingress: IngressObject) => Ownership {
  const ourClasses = new Set<string>();
  let isDefaultOurs = false;
  for (const { name, controller, isDefault } of snapshot.classes.values()) {
    const isNamed = options.isClassMatchedByName && name === options.ingressClass;
    if (controller !== options.controllerClass && !isNamed) continue;
    ourClasses.add(name);
    isDefaultOurs ||= isDefault;
  }
  const areClassesIgnored = snapshot.forbiddenKinds.has('IngressClass');
  const isWatched = createNamespaceTest(snapshot, options);

  return (ingress) => {
    if (!isWatched(ingress.namespace)) return 'not-ours';
    if (ingress.className !== undefined && !areClassesIgnored) {
      if (ourClasses.has(ingress.className)) return 'ours';
      const isOurName = ingress.className === options.ingressClass;
      return isOurName && !snapshot.classes.has(ingress.className) ? 'unknown-class' : 'not-ours';
    }
    const annotated = ingress.annotations.get(CLASS_ANNOTATION);
    if (annotated !== undefined) return annotated === options.ingressClass ? 'ours' : 'not-ours';
    if (options.isWithoutClassServed) return 'ours';
    return options.isDefaultClassHonoured && isDefaultOurs ? 'ours' : 'not-ours';
  };
}

/** Whether Ingresses of a namespace are watched. */
function createNamespaceTest(
  snapshot: ClusterSnapshot,
  options: OwnershipOptions,
): (namespace: string) => boolean {
  if (options.watchNamespace !== '') return (namespace) => namespace === options.watchNamespace;
  if (options.watchNamespaceSelector === '') return () => true;
  const parsed = readSelector(options.watchNamespaceSelector);
  const selector: LabelSelector = parsed ?? (() => false);
  return (namespace) => {
    const object = snapshot.namespaces.get(namespace);
    return object !== undefined && selector(object.labels);
  };
}
