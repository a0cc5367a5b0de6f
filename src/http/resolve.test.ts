import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { Resolver as Cares } from 'node:dns'
import { once } from 'node:events'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { addressSet } from '../ground/addresses.ts'
import { SetClock } from '../ground/clock.ts'
import type { AskNames } from './ask-names.ts'
import { createHostsFile, parseHosts } from './hosts-file.ts'
import { createResolver } from './resolve.ts'

const noHosts = { addresses: async () => [] }
const inside = addressSet(['127.0.0.0/8', '10.0.0.0/8'])

function resolverOf(answers: Record<string, readonly string[]>, ttl = 60) {
  const clock = new SetClock()
  const asked: string[] = []
  const ask: AskNames = async (host) => {
    asked.push(host)
    const addresses = answers[host]
    if (addresses === undefined) throw Object.assign(new Error('no'), { code: 'ENOTFOUND' })
    return { addresses, ttl }
  }
  return { resolver: createResolver({ ask, clock, hosts: noHosts }), clock, asked }
}

const address = async (
  resolver: ReturnType<typeof createResolver>,
  host: string,
  allowed?: ReturnType<typeof addressSet>,
) => resolver.address(host, allowed)

describe('createResolver()', () => {
  test('asks once, then knows for as long as the answer lives, 30 seconds at most', async () => {
    const { resolver, clock, asked } = resolverOf({ 'a.example.com': ['8.8.8.8'] }, 3_600)
    const both = await Promise.all([address(resolver, 'a.example.com'), address(resolver, 'a.example.com')])
    assert.deepEqual(both, ['8.8.8.8', '8.8.8.8'])
    clock.advance(29_999)
    assert.equal(resolver.address('a.example.com'), '8.8.8.8')
    clock.advance(1)
    await address(resolver, 'a.example.com')
    assert.equal(asked.length, 2)
  })

  test('remembers failures for five seconds', async () => {
    const { resolver, clock, asked } = resolverOf({ 'none.example.com': [] })
    for (const host of ['gone.example.com', 'none.example.com']) {
      await assert.rejects(address(resolver, host), { code: 'upstream_dns_failed', status: 502 })
      clock.advance(4_999)
      assert.throws(() => resolver.address(host), { code: 'upstream_dns_failed' })
    }
    clock.advance(5_000)
    await assert.rejects(address(resolver, 'gone.example.com'), { code: 'upstream_dns_failed' })
    assert.equal(asked.length, 3)
  })

  test('refuses an answer if one address of it is refused', async () => {
    const { resolver } = resolverOf({
      'mixed.example.com': ['8.8.8.8', '127.0.0.1'],
      'v6.example.com': ['64:ff9b::7f00:1'],
    })
    await assert.rejects(address(resolver, 'mixed.example.com'), {
      code: 'address_refused',
      status: 403,
      facts: { range: 'loopback' },
    })
    assert.throws(() => resolver.address('mixed.example.com'), { code: 'address_refused' })
    await assert.rejects(address(resolver, 'v6.example.com'), { code: 'address_refused' })
    assert.equal(await address(resolver, 'mixed.example.com', inside), '8.8.8.8')
  })

  test('keeps each service to its own addresses', async () => {
    const { resolver } = resolverOf({ 'db.example.com': ['10.0.0.5'] })
    assert.equal(await address(resolver, 'db.example.com', inside), '10.0.0.5')
    assert.throws(() => resolver.address('db.example.com'), { code: 'address_refused' })
    assert.throws(() => resolver.address('db.example.com', addressSet(['10.1.0.0/16'])), { code: 'address_refused' })
  })

  test('reads addresses as what they are', () => {
    const { resolver, asked } = resolverOf({})
    assert.equal(resolver.address('8.8.8.8'), '8.8.8.8')
    assert.equal(resolver.address('[2606:4700::1111]'), '2606:4700::1111')
    for (const host of ['127.0.0.1', '[::1]', '169.254.169.254', '[::ffff:7f00:1]']) {
      assert.throws(() => resolver.address(host), { code: 'address_refused' }, host)
    }
    assert.deepEqual(asked, [])
  })

  const insideNames = [
    'db',
    'localhost',
    'a.localhost',
    'printer.local',
    'metadata.google.internal',
    'x.home.arpa',
    'x.lan',
    'x.intranet',
    'x.corp',
    'x.home',
    'x.private',
    'x.localdomain',
    'x.test',
    'x.invalid',
    'x.onion',
    'x.alt',
  ]
  for (const host of insideNames) {
    test(`refuses the name ${host} without asking`, () => {
      const { resolver, asked } = resolverOf({ [host]: ['8.8.8.8'] })
      assert.throws(() => resolver.address(host), { code: 'address_refused' })
      assert.deepEqual(asked, [])
    })
  }

  test('takes inside names for those who may reach inside addresses', async () => {
    const { resolver } = resolverOf({ db: ['10.0.0.5'] })
    assert.equal(await address(resolver, 'db', inside), '10.0.0.5')
    assert.throws(() => resolver.address('db'), { code: 'address_refused' })
    assert.equal(resolver.address('localhost', inside), '127.0.0.1')
    assert.equal(resolver.address('x.localhost', addressSet(['::1'])), '::1')
  })

  test('gives the next address after one that did not answer, and stays with one that does', async () => {
    const { resolver, clock } = resolverOf({ 'a.example.com': ['8.8.8.8', '8.8.4.4'] })
    assert.equal(await address(resolver, 'a.example.com'), '8.8.8.8')
    resolver.failed('a.example.com', '8.8.8.8')
    assert.equal(resolver.address('a.example.com'), '8.8.4.4')
    resolver.failed('a.example.com', '8.8.8.8')
    assert.equal(resolver.address('a.example.com'), '8.8.4.4')
    clock.advance(60_000)
    assert.equal(await address(resolver, 'a.example.com'), '8.8.4.4')
  })

  test('never gives a rebound address', async () => {
    const clock = new SetClock()
    let turn = 0
    const ask: AskNames = async () => ({ addresses: [turn++ % 2 === 0 ? '8.8.8.8' : '127.0.0.1'], ttl: 0 })
    const resolver = createResolver({ ask, clock, hosts: noHosts })
    let refused = 0
    for (let i = 0; i < 1_000; i++) {
      const given = await address(resolver, 'rebind.example.com').catch((error) => error.code)
      if (given === 'address_refused') refused += 1
      else assert.equal(given, '8.8.8.8')
      clock.advance(1_000)
    }
    assert.equal(refused, 500)
  })

  test('asks for at most 64 names at once', async () => {
    let running = 0
    let most = 0
    const ask: AskNames = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      running -= 1
      return { addresses: ['8.8.8.8'], ttl: 1 }
    }
    const resolver = createResolver({ ask, hosts: noHosts })
    await Promise.all(Array.from({ length: 300 }, (_, i) => address(resolver, `n${i}.example.com`)))
    assert.equal(most, 64)
  })

  test('gives up after its budget', async () => {
    const resolver = createResolver({ ask: () => new Promise(() => undefined), hosts: noHosts })
    await assert.rejects(address(resolver, 'slow.example.com'), { code: 'upstream_dns_failed', detail: /ETIMEOUT/ })
  })

  test('refuses an answer with too many addresses', async () => {
    const { resolver } = resolverOf({ 'big.example.com': Array.from({ length: 65 }, (_, i) => `8.8.8.${i}`) })
    await assert.rejects(address(resolver, 'big.example.com'), { code: 'upstream_dns_failed' })
  })
})

describe('hosts files', () => {
  test('are read by address, names and comments', () => {
    const table = parseHosts(
      '127.0.0.1 localhost Me # no\n#1.2.3.4 x\n::1\tlocalhost me\nfe80::1%eth0 zone\nnot an address\n8.8.8.8',
    )
    assert.deepEqual(
      [...table],
      [
        ['localhost', ['127.0.0.1', '::1']],
        ['me', ['127.0.0.1', '::1']],
      ],
    )
  })

  test('go before the name system, are judged like it, and are read again when they change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hosts-'))
    const path = join(folder, 'hosts')
    const clock = new SetClock()
    await writeFile(path, '127.0.0.1 up.example.com\n')
    const ask: AskNames = async () => ({ addresses: ['8.8.8.8'], ttl: 1 })
    const resolver = createResolver({ ask, clock, hosts: createHostsFile(path, clock) })
    const both = await Promise.allSettled([
      address(resolver, 'up.example.com', inside),
      address(resolver, 'x.example.com'),
    ])
    assert.deepEqual(
      both.map((one) => one.status === 'fulfilled' && one.value),
      ['127.0.0.1', '8.8.8.8'],
    )
    assert.throws(() => resolver.address('up.example.com'), { code: 'address_refused' })
    await writeFile(path, '127.0.0.2 up.example.com\n')
    await utimes(path, new Date(), new Date(Date.now() + 5_000))
    clock.advance(5_000)
    assert.equal(await address(resolver, 'up.example.com', inside), '127.0.0.2')
    await rm(path)
    clock.advance(5_000)
    assert.equal(await address(resolver, 'up.example.com'), '8.8.8.8')
    await rm(folder, { recursive: true })
  })
})

test('c-ares asks no search domains and fails fast on a server that is silent', async () => {
  const server = createSocket('udp4')
  const names: string[] = []
  server.on('message', (message, from) => {
    const name = questionName(message)
    names.push(name)
    if (name === 'silent.example.com') return
    const flags = Buffer.from(message)
    flags.writeUInt16BE(0x8183, 2) // NXDOMAIN
    server.send(flags, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { createAskNames } = await import('./ask-names.ts')
  const asking = (timeout: number) => {
    const cares = new Cares({ timeout, tries: 1 })
    cares.setServers([`127.0.0.1:${server.address().port}`])
    return createAskNames(cares)
  }
  await assert.rejects(asking(60_000)('gone'), { code: 'ENOTFOUND' })
  await assert.rejects(asking(200)('silent.example.com'), { code: 'ETIMEOUT' })
  assert.deepEqual([...new Set(names)].sort(), ['gone', 'silent.example.com'])
  server.close()
})

function questionName(message: Buffer): string {
  const labels: string[] = []
  for (let at = 12; message[at] !== 0 && at < message.length; at += message[at]! + 1) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!))
  }
  return labels.join('.')
}
