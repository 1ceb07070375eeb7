import { isDeepStrictEqual } from 'node:util';
import { loadTracer, type LoadedTracer, type TracingSettings } from './load-tracer.ts';

/** Makes spans as one set of settings says. */
export interface Tracing {
  /** Undefined until the library is there: requests before that have no span. */
  readonly tracer: LoadedTracer | undefined;
}

/** The tracing of a worker, over all tables. */
export interface Tracers {
  /** The same for the same settings; what another one has not sent yet goes out. */
  of(settings: TracingSettings): Tracing;
  /** Resolves when all spans are out, or lost. */
  close(): Promise<void>;
}

interface Current extends Tracing {
  tracer: LoadedTracer | undefined;
  readonly settings: TracingSettings;
  readonly loading: Promise<void>;
}

/** Loads the library for the first one who asks: it takes memory and time that only those pay who trace. */
export function createTracers(): Tracers {
  let current: Current | undefined;

  function start(settings: TracingSettings): Current {
    const made: Current = {
      tracer: undefined,
      settings,
      loading: loadTracer(settings).then((tracer) => void (made.tracer = tracer)),
    };
    return made;
  }

  async function end(tracing: Current | undefined): Promise<void> {
    await tracing?.loading;
    // A collector that cannot be reached has lost them.
    await tracing?.tracer?.shutdown().catch(() => {});
  }

  return {
    of(settings) {
      if (current !== undefined && isDeepStrictEqual(current.settings, settings)) return current;
      void end(current);
      current = start(settings);
      return current;
    },
    close: () => end(current),
  };
}
