import type { Feature } from '../../features/kit/feature.ts';
import { nearestName } from '../../lib/nearest-name.ts';
import { DATA_PLANE_KEYS, INERT_KEYS } from '../settings/keys.ts';
import { KNOWN_KEYS } from '../settings/known-keys.ts';
import { TRANSLATE_CONFIG_KEYS } from '../translate/annotation-settings.ts';
import type { Judgement } from './annotation-judge.ts';
import { insteadOf } from './instead.ts';

/** Judges a ConfigMap key by its name. */
export function judgeKey(key: string, features: readonly Feature[]): Judgement {
  const honoured = honouredKeys(features);
  if (honoured.has(key)) return { status: 'honoured', note: '' };
  if (Object.hasOwn(INERT_KEYS, key)) return { status: 'inert', note: INERT_KEYS[key]! };
  const consequence = KNOWN_KEYS.get(key);
  if (consequence !== undefined) {
    const instead = insteadOf(key);
    return {
      status: 'refused',
      note: instead === undefined ? consequence : `${consequence}; instead: ${instead}`,
    };
  }
  const nearest = nearestName(key, [...honoured, ...Object.keys(INERT_KEYS), ...KNOWN_KEYS.keys()]);
  return { status: 'unknown', note: nearest === undefined ? '' : `did you mean ${nearest}?` };
}

function honouredKeys(features: readonly Feature[]): Set<string> {
  return new Set([
    ...Object.keys(DATA_PLANE_KEYS),
    'proxy-set-headers',
    'add-headers',
    ...TRANSLATE_CONFIG_KEYS,
    ...features.flatMap(({ annotations, configMapKeys }) => [
      ...Object.values(annotations).flatMap(({ configMapKey }) =>
        configMapKey === undefined ? [] : [configMapKey],
      ),
      ...Object.keys(configMapKeys ?? {}),
    ]),
  ]);
}
