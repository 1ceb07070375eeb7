import { toLocalTime, toSeconds } from '../lib/nginx-time.ts';
import { ownText } from '../lib/own-text.ts';
import { variableReader, type VariableReader } from '../lib/variables/variables.ts';
import type { AccessRecord } from './access-record.ts';
import { compileLine, variablesIn } from './line-template.ts';
import { escapeDefault, escapeJson } from './log-values.ts';
import type { LogEscape } from './log-values.ts';

/** Writes the line of one exchange, without its line end; bytes as latin1. */
export type LineFormatter = (record: AccessRecord) => string;

/** ingress-nginx's default `log-format-upstream` (docs/reference/operation.md §3). */
export const UPSTREAM_LOG_FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ' +
  '$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ' +
  '$upstream_response_length $upstream_response_time $upstream_status $req_id';

/** Names of variables in a template that there are not; each is logged as `-`. */
export function unknownVariables(format: string): string[] {
  return variablesIn(format).filter((name) => variableReader(name) === undefined);
}

/** Compiles an nginx log template once. Never throws: an unknown variable is a missing value. */
export function compileLogFormat(format: string, escape: LogEscape): LineFormatter {
  if (format === UPSTREAM_LOG_FORMAT && escape === 'default') return formatDefault;
  return compileLine(format, (name) => escaped(variableReader(name), escape));
}

/** nginx writes `-` for what is not there, with the other escapes nothing. */
function escaped(read: VariableReader | undefined, escape: LogEscape): LineFormatter {
  if (read === undefined) return () => (escape === 'default' ? '-' : '');
  switch (escape) {
    case 'json':
      return (record) => {
        const value = read(record);
        return value === undefined ? '' : escapeJson(value);
      };
    case 'none':
      return (record) => read(record) ?? '';
    default:
      return (record) => {
        const value = read(record);
        return value === undefined ? '-' : escapeDefault(value);
      };
  }
}

/** The default format by hand: the same line as the compiled template's, in a third of the time. */
function formatDefault(record: AccessRecord): string {
  const { attempts } = record;
  const request = escapeDefault(record.requestLine) + '" ';
  const line = beginOf(record) + request + answeredOf(record) + toSeconds(record.durationMs);
  const id = record.requestId === '' ? '-' : escapeDefault(record.requestId);
  if (attempts.length === 1) {
    const { address, responseLength, responseMs, status } = attempts[0]!;
    const time = responseMs < 0 ? '-' : toSeconds(responseMs);
    const outcome = status === 0 ? '-' : status;
    return line + triedOf(record, address, responseLength) + time + ' ' + outcome + ' ' + id;
  }
  if (attempts.length === 0) return `${line}${upstreamOf(record, '-')}- - - ${id}`;
  const upstream = upstreamOf(record, upstreamAddress(record) ?? '-');
  return `${line}${upstream}${upstreamLength(record)} ${upstreamTime(record)} ${upstreamStatus(record)} ${id}`;
}

/*
 * The parts of a line that are mostly those of the line before on the same connection. Those that change least are joined rather than added up,
 * so that each is one flat text, which is cheap to copy. None keeps a head that it is from.
 */

/** Of a part that a connection keeps for its next line. */
const MAX_KEPT_LENGTH = 512;

function beginOf({
  lineParts: parts,
  clientAddress,
  remoteUser,
  startedAtMs,
  durationMs,
}: AccessRecord): string {
  const time = toLocalTime(startedAtMs + durationMs);
  if (parts.time === time && parts.client === clientAddress && parts.user === remoteUser) return parts.begin;
  const user = remoteUser === '' ? '-' : escapeDefault(remoteUser);
  const begin = [clientAddress, ' - ', user, ' [', time, '] "'].join('');
  if (begin.length > MAX_KEPT_LENGTH) return begin;
  parts.time = time;
  if (parts.client !== clientAddress) parts.client = ownText(clientAddress);
  if (parts.user !== remoteUser) parts.user = ownText(remoteUser);
  parts.begin = begin;
  return begin;
}

function answeredOf(record: AccessRecord): string {
  const { lineParts: parts, status, bodyBytesSent, requestLength } = record;
  const agents = agentsOf(record);
  const isSame =
    parts.answeredAgents === agents &&
    parts.status === status &&
    parts.bodyBytesSent === bodyBytesSent &&
    parts.requestLength === requestLength;
  if (isSame) return parts.answered;
  const answered = status + ' ' + bodyBytesSent + agents + requestLength + ' ';
  if (agents.length > MAX_KEPT_LENGTH) return answered;
  parts.status = status;
  parts.bodyBytesSent = bodyBytesSent;
  parts.answeredAgents = agents;
  parts.requestLength = requestLength;
  parts.answered = answered;
  return answered;
}

function triedOf(record: AccessRecord, address: string, responseLength: number): string {
  const { lineParts: parts } = record;
  const upstream = upstreamOf(record, address);
  if (parts.triedUpstream !== upstream || parts.responseLength !== responseLength) {
    parts.triedUpstream = upstream;
    parts.responseLength = responseLength;
    parts.tried = upstream + responseLength + ' ';
  }
  return parts.tried;
}

function agentsOf(record: AccessRecord): string {
  const { lineParts: parts } = record;
  const referer = record.header('referer');
  const agent = record.header('user-agent');
  if (parts.agents !== '' && parts.referer === referer && parts.agent === agent) return parts.agents;
  const texts = [referer, agent].map((text) => (text === undefined ? '-' : escapeDefault(text)));
  const agents = [' "', texts[0], '" "', texts[1], '" '].join('');
  if (agents.length > MAX_KEPT_LENGTH) return agents;
  if (parts.referer !== referer) parts.referer = referer === undefined ? undefined : ownText(referer);
  if (parts.agent !== agent) parts.agent = agent === undefined ? undefined : ownText(agent);
  parts.agents = agents;
  return agents;
}

function upstreamOf({ lineParts: parts, upstreamName, canaryName }: AccessRecord, address: string): string {
  if (parts.upstreamName !== upstreamName || parts.canaryName !== canaryName || parts.address !== address) {
    parts.upstreamName = upstreamName;
    parts.canaryName = canaryName;
    parts.address = address;
    const names = [upstreamName, canaryName].map(escapeDefault);
    parts.upstream = [' [', names[0], '] [', names[1], '] ', address, ' '].join('');
  }
  return parts.upstream;
}

const upstreamAddress = variableReader('upstream_addr')!;
const upstreamLength = variableReader('upstream_response_length')!;
const upstreamTime = variableReader('upstream_response_time')!;
const upstreamStatus = variableReader('upstream_status')!;
