import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { noOwnAddress, ownAddress } from '../../../test/instruments/own-address.ts'
import { hexToIpv4, linkLocal } from './gateway-host.ts'
import { tryDns, tryTcp, tryUdp } from './try-way.ts'
import { checkTargets, type Surroundings, tryWaysOut } from './ways-out.ts'

describe('tryWaysOut()', { skip: process.platform === 'linux' ? false : 'abstract sockets are of Linux' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-ways-'))
  const [socket, abstract] = [join(folder, 'somebody.sock'), `claviger-ways-${process.pid}`]
  const servers: Server[] = []
  const names = createSocket('udp4')
  let port = 0

  async function listening(at: string | number): Promise<Server> {
    const server = createServer((one) => one.end())
    server.listen(...((typeof at === 'string' ? [at] : [at, '127.0.0.1']) as [number, string]))
    await once(server, 'listening')
    servers.push(server)
    return server
  }

  before(async () => {
    port = ((await listening(0)).address() as AddressInfo).port
    await listening(socket)
    await listening(`\0${abstract}`)
    // Answers that there is no such name: an answer all the same.
    names.on('message', (question, { port: from }) => {
      const answer = Buffer.from(question)
      answer.writeUInt16BE(0x8183, 2)
      names.send(answer, from, '127.0.0.1')
    })
    names.bind(0, '127.0.0.1')
    await once(names, 'listening')
    mkdirSync(join(folder, 'home'))
    writeFileSync(join(folder, 'key'), '', { mode: 0o400 })
  })
  after(() => {
    for (const server of servers) server.close()
    names.close()
    rmSync(folder, { recursive: true })
  })

  async function states(more: Partial<Surroundings>) {
    const around = {
      env: { HOME: folder },
      secret: [],
      operatorSocket: undefined,
      operatorPort: 1,
      gateway: { host: '127.0.0.1', port: 2 },
      gatewayBy: 'HTTPS_PROXY',
      targets: [],
    }
    return Object.fromEntries((await tryWaysOut({ ...around, ...more })).map(({ way, state }) => [way, state]))
  }

  test('finds what answers', async () => {
    const udp = names.address().port
    const found = await states({
      targets: [
        `tcp:127.0.0.1:${port}`,
        `udp:127.0.0.1:${udp}`,
        `dns:127.0.0.1:${udp}`,
        `unix:${socket}`,
        `abstract:${abstract}`,
      ],
      env: { HOME: folder, DOCKER_HOST: `unix://${socket}` },
      operatorSocket: socket,
      secret: [join(folder, 'home'), join(folder, 'key')],
    })
    for (const way of ['TCP', 'UDP', 'names', 'loopback', 'Docker', 'sockets', 'abstract', 'operators', 'vault'])
      assert.equal(found[way], 'OPEN', way)
  })

  test('finds sockets that nobody named', async () => {
    const found = await states({})
    assert.deepEqual([found.sockets, found.abstract, found.loopback], ['OPEN', 'OPEN', 'OPEN'])
  })

  test('calls closed what nobody answers', async () => {
    const found = await states({
      // The broadcast address cannot be connected to at all, as no address can where there is no network.
      targets: ['tcp:127.0.0.1:1', 'udp:127.0.0.1:1', 'udp:255.255.255.255:1', 'dns:127.0.0.1:1'],
      secret: [join(folder, 'none')],
    })
    for (const way of ['TCP', 'UDP', 'names', 'operators', 'vault']) assert.equal(found[way], 'closed', way)
  })
})

describe('tryTcp() and tryDns()', () => {
  test('a refusal from elsewhere is an answer, but from who is known to serve', { skip: noOwnAddress }, async () => {
    // Nobody has this port: `tcpmux`, of the machine itself.
    const tried = [tryTcp(ownAddress!, 1), tryTcp(ownAddress!, 1, true), tryUdp(ownAddress!, 1, true)]
    assert.deepEqual(await Promise.all(tried), [
      { open: true, how: 'ECONNREFUSED' },
      { open: false, how: 'ECONNREFUSED' },
      { open: false, how: 'ECONNREFUSED' },
    ])
  })

  for (const [code, how, open] of [
    [2, 'ESERVFAIL', false],
    [3, 'ENOTFOUND', true],
    [5, 'EREFUSED', false],
  ] as const)
    test(`names that are answered ${how} lead ${open ? 'out' : 'nowhere'}`, async () => {
      const names = createSocket('udp4')
      names.on('message', (question, { port, address }) => {
        const answer = Buffer.from(question)
        answer.writeUInt16BE(0x8180 | code, 2)
        names.send(answer, port, address)
      })
      names.bind(0, '127.0.0.1')
      await once(names, 'listening')
      assert.deepEqual(await tryDns([`127.0.0.1:${names.address().port}`]), { open, how })
      names.close()
    })
})

describe('addresses, as the kernel lists them', () => {
  test('hexToIpv4() reads a word from its end', () => assert.equal(hexToIpv4('0B00007F'), '127.0.0.11'))
  test('linkLocal() makes what a neighbour gives itself', () =>
    assert.equal(new URL(`http://[${linkLocal('02:42:ef:92:2e:c0')}]`).hostname, '[fe80::42:efff:fe92:2ec0]'))
})

describe('checkTargets()', () => {
  for (const good of ['tcp:10.0.0.1:80', 'udp:[fd00::1]:53', 'dns:10.0.0.1:53', 'unix:/run/x', 'abstract:x'])
    test(`takes ${good}`, () => checkTargets([good]))
  for (const bad of ['tcp:10.0.0.1', 'http://x', 'tcp:fd00::1:53', 'unix:x', 'sctp:10.0.0.1:1', ''])
    test(`refuses ${bad || 'nothing'}`, () => assert.throws(() => checkTargets([bad]), { code: 'usage' }))
})
