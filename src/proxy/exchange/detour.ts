import type { Detour, DirectResponse } from '../../features/kit/filter.ts';
import { headerLineIfSafe, type HeadText, joinLines, NO_LINES } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { Exchange } from './exchange.ts';

/** Where a filter of the route has a response of that status answered from; undefined: from where it comes. */
export function detourOf(exchange: Exchange, status: number, isLocal: boolean): Detour | undefined {
  const { route, isDetoured } = exchange.routing;
  if (route === undefined || route.onStatus.length === 0 || isDetoured) return undefined;
  for (const filter of route.onStatus) {
    const detour = filter.onStatus!(status, isLocal, exchange);
    if (detour !== undefined) return detour;
  }
  return undefined;
}

/** What a filter of the route answers in place of a response of the upstream. */
export function replacementOf(exchange: Exchange, status: number): DirectResponse | undefined {
  const { route, isDetoured } = exchange.routing;
  if (route!.onReplaceable.length === 0 || isDetoured) return undefined;
  for (const filter of route!.onReplaceable) {
    const answer = filter.replaceResponse!(status, exchange);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** How to sign in, as an upstream says it: kept, whoever makes the page. */
export function challengesOf(headers: HeaderBlock): HeadText {
  let lines = NO_LINES;
  for (let i = 0; i < headers.count; i++) {
    if (headers.lowerNameAt(i) !== 'www-authenticate') continue;
    lines = joinLines(lines, headerLineIfSafe('WWW-Authenticate', headers.valueAt(i)));
  }
  return lines;
}
