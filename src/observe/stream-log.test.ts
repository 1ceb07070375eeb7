import { expect, test } from 'vitest';
import { DEFAULT_STREAM_LOG_FORMAT } from '../table/settings.ts';
import { compileStreamFormat, unknownStreamVariables, type StreamRecord } from './stream-log.ts';

const RECORD: StreamRecord = {
  protocol: 'TCP',
  status: 200,
  clientAddress: '192.0.2.7',
  clientPort: 4711,
  serverAddress: '10.0.0.1',
  serverPort: 5432,
  upstreamName: 'tcp-db-postgres-5432',
  serverName: undefined,
  proxied: undefined,
  bytesReceived: 10,
  bytesSent: 20,
  upstreamBytesSent: 10,
  upstreamBytesReceived: 20,
  endpoints: ['10.244.0.1:5432', '10.244.0.2:5432'],
  connectMs: 3,
  startedAtMs: 1_000_000,
  endedAtMs: 1_001_234,
};

test('a line of the default format', () => {
  expect(compileStreamFormat(DEFAULT_STREAM_LOG_FORMAT)(RECORD)).toMatch(
    /^\[192\.0\.2\.7\] \[01\/Jan\/1970:\d\d:16:41 [+-]\d{4}\] TCP 200 20 10 1\.234$/,
  );
});

test('endpoints in order, missing values as a dash, unknown variables as well', () => {
  const line = compileStreamFormat(
    '$upstream_addr ${upstream_connect_time} $ssl_preread_server_name $nonsense',
  );
  expect(line(RECORD)).toBe('10.244.0.1:5432, 10.244.0.2:5432 0.003 - -');
  expect(line({ ...RECORD, endpoints: [], connectMs: -1, serverName: 'a.test' })).toBe('- - a.test -');
  expect(unknownStreamVariables('$remote_addr $nonsense ${request} $toString')).toEqual([
    'nonsense',
    'request',
    'toString',
  ]);
});

test('what a client wrote cannot begin a line', () => {
  const line = compileStreamFormat('$ssl_preread_server_name');
  expect(line({ ...RECORD, serverName: 'a\n"b\\' })).toBe('a\\x0A\\x22b\\x5C');
});
