import { Bench, type Engine } from '../protocol/engine/harness.ts';
import { BodyClient, serveBackend } from './body-peers.ts';
import {
  BACKENDS,
  bytesOf,
  digestOf,
  HOLDINGS,
  planExchange,
  type BackendKind,
  type ExchangePlan,
  type Holding,
} from './body-plan.ts';
import { createRandom } from './generate.ts';

export interface BodiesResult {
  readonly cases: number;
  readonly bytes: number;
  /** Exchanges that their backend cut off when a part of a streamed body was gone, so that no other try could follow. */
  readonly notRetried: number;
  readonly wrong: readonly WrongBody[];
}

export interface WrongBody {
  readonly index: number;
  readonly what: string;
  readonly plan: ExchangePlan;
}

/** Streamed bodies up to this are kept for another try. */
const KEPT_BYTES = 1_048_576;
/** So little of a body is held in memory where it is to be spooled. */
const SPOOLED_FROM_BYTES = 20_000;
const LANES = 4;

/** Sends random bodies both ways through an engine and compares digests; the same seed gives the same exchanges. */
export async function fuzzBodies(seed: number, count: number): Promise<BodiesResult> {
  const bench = new Bench();
  const plans = new Map<string, ExchangePlan>();
  const engines = await openEngines(bench, plans);
  const random = createRandom(seed);
  const wrong: WrongBody[] = [];
  let bytes = 0;
  let notRetried = 0;
  let next = 0;

  const play = async (): Promise<void> => {
    const clients = new Map<Engine, BodyClient>();
    while (next < count) {
      const index = next++;
      const plan = planExchange(random);
      const id = `${seed}-${index}`;
      plans.set(id, plan);
      const engine = engines.get(plan.backend)!.get(plan.holding)!;
      let client = clients.get(engine);
      if (client?.isUsable !== true) {
        client?.close();
        client = new BodyClient(await bench.open(engine.port));
        clients.set(engine, client);
      }
      const seen = await client.play(id, plan);
      plans.delete(id);
      bytes += plan.request.size + plan.response.size;
      const isKept = plan.holding !== 'streamed' || plan.request.size <= KEPT_BYTES;
      if (seen.status === 502 && plan.backend === 'resetting' && !isKept) notRetried++;
      else if (seen.status !== 200) wrong.push({ index, plan, what: `status ${seen.status}` });
      else if (seen.uploadDigest !== digestOf(bytesOf(plan.request)))
        wrong.push({ index, plan, what: 'upload' });
      else if (seen.downloadDigest !== digestOf(bytesOf(plan.response)))
        wrong.push({ index, plan, what: 'download' });
    }
    for (const client of clients.values()) client.close();
  };
  await Promise.all(Array.from({ length: LANES }, play));
  for (const engine of [...engines.values()].flatMap((each) => [...each.values()])) {
    for (const fault of engine.faults) throw new Error('the engine failed', { cause: fault });
    const { memoryBytes, spooledBytes } = engine.context.bodies.budget;
    if (memoryBytes !== 0 || spooledBytes !== 0) throw new Error('bodies were not given back');
  }
  await bench.close();
  return { cases: count, bytes, notRetried, wrong };
}

async function openEngines(
  bench: Bench,
  plans: ReadonlyMap<string, ExchangePlan>,
): Promise<Map<BackendKind, Map<Holding, Engine>>> {
  const engines = new Map<BackendKind, Map<Holding, Engine>>();
  for (const backend of BACKENDS) {
    const resets = new Set<string>();
    const endpoint = await bench.upstream((socket) => serveBackend(socket, plans, resets));
    const byHolding = new Map<Holding, Engine>();
    for (const holding of HOLDINGS) {
      byHolding.set(
        holding,
        await bench.engine({
          endpoints: [endpoint],
          body: {
            maxBodyBytes: 0,
            isRequestBuffered: holding !== 'streamed',
            ...(holding === 'spooled' ? { maxBufferedBytes: SPOOLED_FROM_BYTES } : {}),
          },
        }),
      );
    }
    engines.set(backend, byHolding);
  }
  return engines;
}
