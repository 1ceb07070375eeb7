import type { VariableSource } from '../lib/variables/source.ts';

/** What the access log and metrics read of a finished exchange. The exchange itself implements it: nothing is copied. */
export interface AccessRecord extends VariableSource {
  /** Kept by the log's formatter, for the next record of the same connection. */
  readonly lineParts: LineParts;
}

/** Parts of a log line, with what they were made from. */
export class LineParts {
  time = '';
  client = '';
  user = '';
  begin = '';
  referer: string | undefined = undefined;
  agent: string | undefined = undefined;
  agents = '';
  upstreamName = '';
  canaryName = '';
  address = '';
  upstream = '';
}
