import { configMapKeysOf, type Feature } from '../../features/kit/feature.ts';
import { INERT_KEYS } from '../settings/inert-keys.ts';
import { DATA_PLANE_KEYS } from '../settings/keys.ts';
import { asksForNothing, KNOWN_KEYS } from '../settings/known-keys.ts';
import { NAMING_KEYS } from '../settings/settings.ts';
import { WORKER_KEY } from '../settings/worker-processes.ts';
import { TRANSLATE_CONFIG_KEYS } from '../translate/annotation-settings.ts';
import { judgeRefused, judgeUnknown, type Judgement } from './judgement.ts';

/** Creates the judge of ConfigMap keys, by name and, where it is known, by what is written. */
export function createKeyJudge(features: readonly Feature[]): (key: string, value?: string) => Judgement {
  const honoured = new Set([
    ...Object.keys(DATA_PLANE_KEYS),
    ...NAMING_KEYS,
    WORKER_KEY,
    ...TRANSLATE_CONFIG_KEYS,
    ...features.flatMap(configMapKeysOf),
  ]);
  const names = [...honoured, ...Object.keys(INERT_KEYS), ...KNOWN_KEYS.keys()];
  return (key, value) => {
    if (honoured.has(key)) return { status: 'honoured', note: '' };
    if (Object.hasOwn(INERT_KEYS, key)) return { status: 'inert', note: INERT_KEYS[key]! };
    const consequence = KNOWN_KEYS.get(key);
    if (consequence === undefined) return judgeUnknown(key, names);
    if (value !== undefined && asksForNothing(value.trim()))
      return { status: 'inert', note: 'it asks for what is so without it' };
    return judgeRefused(key, consequence);
  };
}
