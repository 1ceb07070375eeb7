import { LineParts } from '../../observe/access-record.ts';
import { NO_LINES, openLine } from '../message/head-text.ts';

/** Forwarded header lines, with what they were made from. */
export class ForwardedMemo {
  hostHeader = '';
  clientAddress = '';
  scheme = '';
  /** All up to the value of X-Request-ID. */
  requestId = openLine(NO_LINES, 'X-Request-ID');
  lines = NO_LINES;
}

/** What the exchanges of one client connection made last: it seldom changes from one to the next. One per connection. */
export class ConnectionMemo {
  readonly forwarded: ForwardedMemo = new ForwardedMemo();
  readonly lineParts: LineParts = new LineParts();
}
