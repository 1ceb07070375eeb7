import { median, type Samples } from './report.ts';

const WIDTH = 860;
const LABEL_WIDTH = 120;
const BAR_HEIGHT = 14;
const BAR_GAP = 3;
const TITLE_HEIGHT = 22;
const GROUP_GAP = 16;
const TOP = 64;
const BAR_SPACE = WIDTH - LABEL_WIDTH - 90;

/** Middle tones, that stand out on white and on black. */
const COLORS: ReadonlyMap<string, string> = new Map([
  ['Serin', '#2f81f7'],
  ['nginx', '#2da44e'],
  ['HAProxy', '#bf8700'],
  ['http-proxy-3', '#a475f9'],
]);
const OTHER_COLOR = '#8b949e';

/** An SVG of grouped bars: CPU per request of each proxy, one group a scenario, each on a scale of its own. */
export function renderPicture(samples: Samples, units: ReadonlyMap<string, string>, machine: string): string {
  const parts: string[] = [];
  let y = TOP;
  for (const [scenario, byPeer] of samples) {
    parts.push(
      `<text x="0" y="${y + 14}" class="title">${escape(scenario)} <tspan class="note">µs per ${units.get(scenario) ?? 'request'}</tspan></text>`,
    );
    y += TITLE_HEIGHT;
    const medians = [...byPeer].map(
      ([peer, list]) => [peer, median(list.map((sample) => sample.cpuPerRequest))] as const,
    );
    const longest = Math.max(...medians.map(([, micros]) => micros), Number.MIN_VALUE);
    for (const [peer, micros] of medians) {
      const width = ((micros / longest) * BAR_SPACE).toFixed(1);
      const middle = y + BAR_HEIGHT - 3;
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${middle}" class="peer">${escape(peer)}</text>` +
          `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2" fill="${COLORS.get(peer) ?? OTHER_COLOR}"/>` +
          `<text x="${LABEL_WIDTH + Number(width) + 6}" y="${middle}">${micros.toFixed(1)}</text>`,
      );
      y += BAR_HEIGHT + BAR_GAP;
    }
    y += GROUP_GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 0 ${WIDTH + 32} ${y}" width="${WIDTH + 32}" height="${y}" role="img" aria-label="CPU per request of Serin and other proxies">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.head { font-size: 17px; font-weight: 600; }
.title { font-size: 13px; font-weight: 600; }
.note { font-size: 12px; font-weight: 400; fill: #59636e; }
.peer { text-anchor: end; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .note { fill: #9198a1; } }
</style>
<text x="0" y="22" class="head">CPU per request (less is better)</text>
<text x="0" y="42" class="note">${escape(machine)}. Medians. Each scenario has a scale of its own.</text>
${parts.join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
