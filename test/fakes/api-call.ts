import type { ApiType, StoredObject } from './api-objects.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One request as the double saw it. `status` is 0 until it was answered. */
export interface SeenRequest {
  readonly verb: Verb;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  status: number;
}

/** A request in the words of the API. */
export interface Call {
  readonly type: ApiType;
  readonly part?: 'status';
  readonly query: URLSearchParams;
  readonly seen: Omit<SeenRequest, 'status'>;
  readonly isWanted: (object: StoredObject) => boolean;
}
