import type { Socket } from 'node:net';

/** `SSLRequest` and `GSSENCRequest` in place of a protocol version. */
const ASKS_FOR_ENCRYPTION = new Set([80_877_103, 80_877_104]);

/** Speaks as much of PostgreSQL's protocol as psql needs: every query is answered with one row that holds the server's name. */
export function servePostgres(name: string): (socket: Socket) => void {
  return (socket) => {
    let bytes: Buffer = Buffer.alloc(0);
    let isStarted = false;
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        // The first messages have no type.
        const at = isStarted ? 1 : 0;
        if (bytes.length < at + 4) return;
        const length = at + bytes.readUInt32BE(at);
        if (bytes.length < length) return;
        const message = bytes.subarray(0, length);
        bytes = bytes.subarray(length);
        if (isStarted) {
          if (message[0] === 0x58) socket.end();
          else if (message[0] === 0x51) socket.write(Buffer.concat([...answer(name), READY]));
        } else if (ASKS_FOR_ENCRYPTION.has(message.readUInt32BE(4))) socket.write('N');
        else {
          isStarted = true;
          socket.write(Buffer.concat([messageOf('R', Buffer.alloc(4)), READY]));
        }
      }
    });
    socket.on('end', () => socket.end());
  };
}

function messageOf(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

const READY = messageOf('Z', Buffer.from('I'));

function answer(name: string): Buffer[] {
  const field = Buffer.alloc(18);
  field.writeUInt32BE(25, 6);
  field.writeInt16BE(-1, 10);
  field.writeInt32BE(-1, 12);
  const value = Buffer.alloc(4);
  value.writeUInt32BE(Buffer.byteLength(name));
  return [
    messageOf('T', Buffer.concat([Buffer.of(0, 1), Buffer.from('server\0'), field])),
    messageOf('D', Buffer.concat([Buffer.of(0, 1), value, Buffer.from(name)])),
    messageOf('C', Buffer.from('SELECT 1\0')),
  ];
}
