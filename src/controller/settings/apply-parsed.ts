import { parseGoBool, parseGoInt } from '../../lib/nginx-values.ts';
import type { ApplyKey, SettingsDraft } from './draft.ts';

/** Sets what is read of a text; `what` names what it has to be. */
export const parsed =
  <T>(
    read: (text: string) => T | undefined,
    what: string,
    set: (draft: SettingsDraft, value: T) => void,
  ): ApplyKey =>
  (draft, text) => {
    const value = read(text);
    if (value === undefined) return `is not ${what}`;
    set(draft, value);
    return undefined;
  };

/** A boolean as Go reads one. */
export const bool = (set: (draft: SettingsDraft, value: boolean) => void): ApplyKey =>
  parsed(parseGoBool, 'a boolean', set);

/** Reads a whole number between two bounds, both inclusive. */
export const within =
  (least: number, most: number) =>
  (text: string): number | undefined => {
    const value = parseGoInt(text);
    return value === undefined || value < least || value > most ? undefined : value;
  };
