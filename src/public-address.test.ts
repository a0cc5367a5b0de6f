import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { issuerOf, listenerUrl, publicHosts } from './public-address.ts'
import { loadSettings } from './settings.ts'

const settings = (env: Record<string, string>) => loadSettings({ env: { CLAVIGER_HOME: '/nonexistent/home', ...env } })
const tls = { CLAVIGER_TLS_CERT: '/c', CLAVIGER_TLS_KEY: '/k' }

describe('the addresses of a gateway', () => {
  const urls: readonly (readonly [env: Record<string, string>, url: string])[] = [
    [{}, 'http://127.0.0.1:4317'],
    [tls, 'https://127.0.0.1:4317'],
    [{ ...tls, CLAVIGER_HOST: '0.0.0.0', CLAVIGER_PORT: '443' }, 'https://127.0.0.1:443'],
    [{ ...tls, CLAVIGER_HOST: '::' }, 'https://[::1]:4317'],
    [{ ...tls, CLAVIGER_HOST: 'fd00::1' }, 'https://[fd00::1]:4317'],
    [{ CLAVIGER_PUBLIC_URL: 'https://gate.test' }, 'http://127.0.0.1:4317'],
  ]
  for (const [env, url] of urls)
    test(`listens at ${url} with ${JSON.stringify(env)}`, () => assert.equal(listenerUrl(settings(env)), url))

  test('is known by the public address where there is one, else by that of the listener', () => {
    const rooms = { url: 'http://127.0.0.1:4317' }
    assert.equal(issuerOf(settings({}), rooms), rooms.url)
    assert.equal(issuerOf(settings({ CLAVIGER_PUBLIC_URL: 'https://Gate.Test:443/' }), rooms), 'https://gate.test')
    assert.equal(issuerOf(settings({ CLAVIGER_PUBLIC_URL: 'https://gate.test:8443' }), rooms), 'https://gate.test:8443')
  })

  const hosts: readonly (readonly [url: string, hosts: readonly string[]])[] = [
    ['', []],
    ['https://gate.test', ['gate.test', 'gate.test:443']],
    ['https://gate.test:8443', ['gate.test:8443', 'gate.test:8443']],
    ['https://[fd00::1]', ['[fd00::1]', '[fd00::1]:443']],
    ['https://bücher.test', ['xn--bcher-kva.test', 'xn--bcher-kva.test:443']],
  ]
  for (const [url, wanted] of hosts)
    test(`answers to ${wanted} for '${url}'`, () =>
      assert.deepEqual(publicHosts(settings({ CLAVIGER_PUBLIC_URL: url })), wanted))
})
