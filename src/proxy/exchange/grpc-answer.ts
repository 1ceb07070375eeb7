import { headerLine, type HeadText, joinLines } from '../message/head-text.ts';
import { HEADER } from '../message/known-headers.ts';
import type { Exchange } from './exchange.ts';
import { reasonOf } from './stock-page.ts';

const TYPE = 'application/grpc';
const TYPE_LINE = headerLine('Content-Type', TYPE);

/** What gRPC makes of the HTTP status of an answer that is none of its own. */
const STATUSES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const UNKNOWN = 2;

/** Whether the client makes a call of gRPC, to which an error is a status of its own. */
export function isGrpcCall({ request: { head } }: Exchange): boolean {
  const type = head.headers.byId(HEADER['content-type']);
  if (type === undefined || !type.toLowerCase().startsWith(TYPE)) return false;
  const next = type.charAt(TYPE.length);
  return next === '' || next === '+' || next === ';' || next === ' ';
}

/** The lines of an error to a call: its head is all there is of the response. */
export function grpcErrorLines(status: number, grpcStatus = STATUSES[status] ?? UNKNOWN): HeadText {
  const message = `${status} ${reasonOf(status)}`.trimEnd();
  return joinLines(
    joinLines(TYPE_LINE, headerLine('grpc-status', String(grpcStatus))),
    headerLine('grpc-message', message),
  );
}
