// The upstream of all runs: answers every request head at once, with a body of the size its path names (`/512`, `/1048576`; `/json/20480`: of JSON).
// Bodies of requests are read by their Content-Length. Plain sockets, so that it takes little of the core it shares.
import { createServer, type Socket } from 'node:net';

const port = Number(process.argv[2]);
const answers = new Map<string, Buffer>();

function answerOf(head: string): Buffer {
  const [, json, size = '512'] = /^[A-Z]+ \/(json\/)?(?:[a-z/]*\/)?(\d+)/.exec(head) ?? [];
  const key = json === undefined ? size : `${json}${size}`;
  let answer = answers.get(key);
  if (answer === undefined) {
    // No other load has a type that is compressed.
    const type = json === undefined ? 'application/octet-stream' : 'application/json';
    const text = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${size}\r\n\r\n`;
    const body = json === undefined ? Buffer.alloc(Number(size), 'x') : jsonOf(Number(size));
    answer = Buffer.concat([Buffer.from(text), body]);
    answers.set(key, answer);
  }
  return answer;
}

/** As many bytes as a list of records takes; the last one is cut. */
function jsonOf(bytes: number): Buffer {
  let text = '[';
  for (let i = 0; text.length < bytes; i++) {
    const score = ((i * 7919) % 100_003) / 100;
    text += `{"id":${i},"name":"item ${i}","mail":"user${i % 97}@example.test","active":${i % 3 === 0},"score":${score}},`;
  }
  return Buffer.from(text.slice(0, bytes));
}

function serve(socket: Socket): void {
  let head = '';
  let bodyLeft = 0;
  let pending: Buffer | undefined;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= taken;
        at += taken;
        if (bodyLeft === 0 && pending !== undefined) socket.write(pending);
        continue;
      }
      const before = head.length;
      head += chunk.toString('latin1', at);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      at += end + 4 - before;
      const length = /\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end))?.[1];
      bodyLeft = length === undefined ? 0 : Number(length);
      pending = answerOf(head);
      head = '';
      if (bodyLeft === 0) socket.write(pending);
    }
  });
}

createServer(serve).listen(port, '127.0.0.1');
