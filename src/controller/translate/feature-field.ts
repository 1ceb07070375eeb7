import type { Feature } from '../../features/kit/feature.ts';

/** Field of the annotation that stands for a feature. */
export function fieldOfFeature(name: string, features: readonly Feature[]): string {
  const annotations = features.find((feature) => feature.name === name)?.annotations ?? {};
  return `metadata.annotations[${Object.keys(annotations)[0] ?? name}]`;
}
