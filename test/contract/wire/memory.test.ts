import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { MemoryServer } from './memory-upstream.ts';
import { describeUpstreamSide } from './upstream-side.ts';

describeUpstreamSide({
  name: 'a wire in memory',
  key: plainWire('h2'),
  isShared: true,
  open: async () => new MemoryServer(),
});
