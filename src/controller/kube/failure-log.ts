import type { ControlLog } from '../../observe/log.ts';
import { KubeError } from './client.ts';
import type { ReflectorObserver } from './reflector.ts';
import type { Resource } from './resources.ts';
import type { Timing } from './timing.ts';

/** An outage is said again after this time, not at every try. */
const REMIND_MS = 60_000;

/** Logs the troubles of reflectors: when they begin, once a minute while they last, and when they end. */
export function createFailureLog(log: ControlLog, timing: Timing): ReflectorObserver {
  const saidMs = new Map<Resource, number>();

  return {
    failed(resource, { step, error, failures }) {
      // Connections break and old positions expire: one such failure is everyday, and the next try works.
      const isEveryday = !(error instanceof KubeError) || error.status === 410;
      if (failures < 2 && isEveryday) {
        log.debug({ error }, `${step} of ${resource.plural} failed once`);
        return;
      }
      const nowMs = timing.elapsedMs();
      if (nowMs - (saidMs.get(resource) ?? -Infinity) < REMIND_MS) return;
      saidMs.set(resource, nowMs);
      log.warn({ error, failures }, `${step} of ${resource.plural} fails; what is known stays served`);
    },
    recovered(resource) {
      if (saidMs.delete(resource)) log.info(`${resource.plural} are followed again`);
    },
  };
}
