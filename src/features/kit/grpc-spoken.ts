import type { Place } from './place.ts';

/** Whether the upstream is spoken to in gRPC, for which settings of HTTP do not count (docs/reference/annotations.md §3.1). */
export function isGrpcSpoken(place: Place): boolean {
  return ['GRPC', 'GRPCS'].includes(place.text('backend-protocol')?.toUpperCase() ?? '');
}

/** Behind the name of an annotation that is one of HTTP. */
export const NOT_WITH_GRPC = 'does not count with backend-protocol GRPC or GRPCS';
