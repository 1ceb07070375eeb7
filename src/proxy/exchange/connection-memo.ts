import { LineParts } from '../../observe/access-record.ts';
import { NO_LINES, openLine } from '../message/head-text.ts';
import type { HeadRules } from './head-rules.ts';

/** Forwarded header lines, with what they were made from. */
export class ForwardedMemo {
  hostHeader = '';
  clientAddress = '';
  scheme = '';
  /** All up to the value of X-Request-ID. */
  requestId = openLine(NO_LINES, 'X-Request-ID');
  lines = NO_LINES;
  /** The same with what is passed on of the head, what head that is of, and by which rules. */
  behind = NO_LINES;
  likeness = 0;
  rules: HeadRules | undefined = undefined;
  dropped: Uint8Array | undefined = undefined;

  /** Lets go of what only a busy connection needs: the last head, and the table that its rules are of. */
  release(): void {
    this.behind = NO_LINES;
    this.likeness = 0;
    this.rules = undefined;
    this.dropped = undefined;
  }
}

/** What the exchanges of one client connection made last: it seldom changes from one to the next. One per connection. */
export class ConnectionMemo {
  readonly forwarded: ForwardedMemo = new ForwardedMemo();
  readonly lineParts: LineParts = new LineParts();
}
