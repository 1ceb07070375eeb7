import type { DataPlaneSettings } from '../../table/settings.ts';
import { WAITS } from '../exchange/client-waits.ts';
import type { ServerTimes } from './server-session.ts';

let latestSettings: DataPlaneSettings | undefined;
let latest: ServerTimes | undefined;

/** What the settings say of a client's connection; made once as long as they stay the same. */
export function serverTimesOf(settings: DataPlaneSettings): ServerTimes {
  if (latest !== undefined && settings === latestSettings) return latest;
  latestSettings = settings;
  latest = {
    headerTimeoutMs: settings.headerTimeoutMs,
    bodyTimeoutMs: settings.bodyTimeoutMs,
    minBodyBytesPerSecond: settings.minBodyBytesPerSecond,
    sendTimeoutMs: WAITS.sendTimeoutMs,
    keepAliveTimeoutMs: settings.keepAliveTimeoutMs,
    // Where HTTP/2 was switched off, what is open brings one more request, as a reload of nginx has it.
    keepAliveRequests: settings.isHttp2Used ? settings.keepAliveRequests : 1,
  };
  return latest;
}
