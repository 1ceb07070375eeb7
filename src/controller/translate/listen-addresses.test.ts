import { describe, expect, test } from 'vitest';
import { DEFAULT_LISTENERS } from '../../model/ports.ts';
import type { ConfigMapObject } from '../store/objects.ts';
import { listenAt } from './listen-addresses.ts';

function listeningWith(data: Record<string, string>) {
  const configMap: ConfigMapObject = {
    kind: 'ConfigMap',
    namespace: 'ingress-nginx',
    name: 'ingress-nginx-controller',
    uid: '',
    order: '',
    problems: [],
    data: new Map(Object.entries(data)),
  };
  const { listeners, findings } = listenAt(DEFAULT_LISTENERS, configMap);
  return {
    ports: listeners.map(({ name, host, port }) => `${name}: ${host} ${port}`),
    said: findings.map(({ source, value, problem }) => `${source.field} ${value} ${problem}`),
  };
}

describe('where the ports are open', () => {
  test('everywhere, as long as nothing says more', () => {
    expect(listeningWith({})).toEqual({ ports: ['http: :: 80', 'https: :: 443'], said: [] });
    expect(listenAt(DEFAULT_LISTENERS, undefined).listeners.map(({ host }) => host)).toEqual(['::', '::']);
  });

  test('at each address of bind-address, once; the first keeps the name of the port', () => {
    expect(listeningWith({ 'bind-address': ' 10.0.0.1, fd00::0:1 ,10.0.0.1' })).toEqual({
      ports: [
        'http: 10.0.0.1 80',
        'http fd00::1: fd00::1 80',
        'https: 10.0.0.1 443',
        'https fd00::1: fd00::1 443',
      ],
      said: [],
    });
  });

  test('nowhere where bind-address names no address', () => {
    expect(listeningWith({ 'bind-address': '10.0.0.1,localhost,fe80::1%eth0,10.0.0.0/8' })).toEqual({
      ports: ['http: 10.0.0.1 80', 'https: 10.0.0.1 443'],
      said: ['localhost', 'fe80::1%eth0', '10.0.0.0/8'].map(
        (value) => `data.bind-address ${value} is not an IP address`,
      ),
    });
  });

  test('everywhere when all of bind-address is wrong', () =>
    expect(listeningWith({ 'bind-address': 'eth0' }).ports).toEqual(['http: :: 80', 'https: :: 443']));

  test('without IPv6 when it is disabled', () => {
    expect(listeningWith({ 'disable-ipv6': 'true' }).ports).toEqual([
      'http: 0.0.0.0 80',
      'https: 0.0.0.0 443',
    ]);
    expect(listeningWith({ 'disable-ipv6': 'true', 'bind-address': '::1,127.0.0.1' })).toEqual({
      ports: ['http: 127.0.0.1 80', 'https: 127.0.0.1 443'],
      said: ['data.bind-address ::1 is an IPv6 address, and disable-ipv6 is set'],
    });
    expect(listeningWith({ 'disable-ipv6': 'yes' })).toEqual({
      ports: ['http: :: 80', 'https: :: 443'],
      said: ['data.disable-ipv6 yes is not a boolean'],
    });
  });

  test('at no more than 32 addresses', () => {
    const list = Array.from({ length: 33 }, (_, index) => `10.0.0.${index}`).join(',');
    const { ports, said } = listeningWith({ 'bind-address': list });
    expect(ports.length).toBe(64);
    expect(said).toEqual(['data.bind-address 10.0.0.32 stands behind 32 addresses']);
  });
});
