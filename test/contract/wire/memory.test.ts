import { describeClientSide } from './client-side.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { connectMemory } from './memory-client.ts';
import { MemoryServer } from './memory-upstream.ts';
import { describeUpstreamSide } from './upstream-side.ts';

describeUpstreamSide({
  name: 'a wire in memory',
  key: plainWire('h2'),
  isShared: true,
  hasTunnels: true,
  open: async () => new MemoryServer(),
});
describeClientSide({ name: 'a wire in memory', isInTurn: false, connect: connectMemory });
