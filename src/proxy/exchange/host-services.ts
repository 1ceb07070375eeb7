import { compileNetworks, type NetworkMatcher } from '../../lib/cidr.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import { answerDirect, answerPage } from './answer.ts';
import type { Exchange } from './exchange.ts';
import type { LinkedRoute, SlashRedirect } from '../router/linked.ts';

const STATUS_PATH = '/nginx_status';

/**
 * Answers the paths that the catch-all host serves itself (docs/reference/routing.md §2.3): prefix locations, so that a user's longer path wins, and
 * so does any regex. False: the path is none of them.
 */
export function answerHostService(
  exchange: Exchange,
  match: LinkedRoute | SlashRedirect | undefined,
): boolean {
  const { settings } = exchange.routing.router;
  const { path } = exchange;
  if (
    settings.isHealthPathServed &&
    path.startsWith(settings.healthPath) &&
    !isShadowed(match, settings.healthPath)
  ) {
    exchange.accounting.isSilent = true;
    answerDirect(exchange, { status: 200, body: '' });
    return true;
  }
  if (path.startsWith(STATUS_PATH) && !isShadowed(match, STATUS_PATH)) {
    exchange.accounting.isSilent = true;
    const isReader = readersOf(settings);
    // A hop that speaks for a client counts as well: what it says may be made up.
    if (!isReader(exchange.info.peerAddress) || !isReader(exchange.clientAddress)) answerPage(exchange, 403);
    else answerDirect(exchange, { status: 200, body: statusText(exchange), contentType: 'text/plain' });
    return true;
  }
  return false;
}

const readers = new WeakMap<DataPlaneSettings, NetworkMatcher>();

function readersOf(settings: DataPlaneSettings): NetworkMatcher {
  let matcher = readers.get(settings);
  if (matcher === undefined) {
    matcher = compileNetworks([...settings.statusReadersIPv4, ...settings.statusReadersIPv6]);
    readers.set(settings, matcher);
  }
  return matcher;
}

function isShadowed(match: LinkedRoute | SlashRedirect | undefined, path: string): boolean {
  if (match === undefined || match.kind !== 'route') return false;
  const { kind, value } = match.entry.match;
  return kind !== 'prefix' || value.length > path.length;
}

function statusText({ context }: Exchange): string {
  const { accepted, requests, reading, writing, waiting } = context.stats;
  return (
    `Active connections: ${context.connections.size} \n` +
    'server accepts handled requests\n' +
    ` ${accepted} ${accepted} ${requests} \n` +
    `Reading: ${reading} Writing: ${writing} Waiting: ${waiting} \n`
  );
}
