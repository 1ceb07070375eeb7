import type { VariableSource } from '../lib/variables/source.ts';

/** What the access log and metrics read of a finished exchange. The exchange itself implements it: nothing is copied. */
export interface AccessRecord extends VariableSource {
  /** Kept by the log's formatter, for the next record of the same connection. */
  readonly lineParts: LineParts;
}

/** Parts of a log line, with what they were made from; short ones, since a connection has them for as long as it lasts. */
export class LineParts {
  time = '';
  client = '';
  user = '';
  begin = '';
  referer: string | undefined = undefined;
  agent: string | undefined = undefined;
  agents = '';
  status = -1;
  bodyBytesSent = -1;
  answeredAgents = '';
  requestLength = -1;
  answered = '';
  upstreamName = '';
  canaryName = '';
  address = '';
  upstream = '';
  triedUpstream = '';
  responseLength = -1;
  tried = '';
}
