import { ApiFailure, type ApiObjects, type ApiType } from './api-objects.ts';
import { toSelector } from './api-selectors.ts';

/** Lists in pages: every page of a list shows the state of its first one, until its token expires. */
export interface Pages {
  list(type: ApiType, namespace: string, query: URLSearchParams): object;
  /** Forgets the rest of all open lists. */
  expire(): void;
}

export function createPages(objects: ApiObjects): Pages {
  const open = new Map<string, { readonly version: number; readonly items: readonly object[] }>();
  let count = 0;

  return {
    list(type, namespace, query) {
      const token = query.get('continue') ?? '';
      const limit = Number(query.get('limit') ?? 0) || Infinity;
      const isWanted = toSelector(query);
      const rest =
        token === ''
          ? {
              version: objects.version,
              items: objects
                .list(type, namespace)
                .filter(isWanted)
                // As in real lists, the items do not say what they are.
                .map((item) => ({ ...item, kind: undefined, apiVersion: undefined })),
            }
          : open.get(token);
      open.delete(token);
      if (rest === undefined) {
        throw new ApiFailure(
          410,
          'Expired',
          'The provided continue parameter is too old to display a consistent list result.',
        );
      }
      const items = rest.items.slice(0, limit);
      const left = rest.items.slice(limit);
      const next = left.length === 0 ? '' : `page-${++count}`;
      if (next !== '') open.set(next, { version: rest.version, items: left });
      return {
        kind: `${type.kind}List`,
        apiVersion: type.apiVersion,
        metadata: {
          resourceVersion: String(rest.version),
          ...(next === '' ? {} : { continue: next, remainingItemCount: left.length }),
        },
        items,
      };
    },
    expire: () => open.clear(),
  };
}
