// Tunnels to hosts of no service: refused, or passed through untouched where a rule says so.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { connect as secure, type TLSSocket } from 'node:tls'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { type TlsUpstream, tlsUpstream } from './instruments/tls-upstream.ts'
import { openTunnel } from './instruments/tunnel-client.ts'
import { closed, until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Recorded {
  readonly rid: string
  readonly type: string
  readonly req?: { readonly method: string; readonly origin: string; readonly service: string }
  readonly decision?: { readonly rule: string }
  readonly outcome?: { readonly status: number; readonly bytesIn: number; readonly bytesOut: number }
}

describe('a host of no service', { skip: noOpenssl() }, () => {
  let authority: Authority
  let around: World
  let upstream: TlsUpstream
  let here = ''

  before(async () => {
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue())
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    here = `localhost:${upstream.port}`
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
  })
  beforeEach(() => void upstream.sent.splice(0))
  afterEach(async () => {
    const { items } = await around.gateway.does<{ items: { name: string }[] }>('GET', '/rules')
    for (const { name } of items) await around.gateway.does('DELETE', `/rules/${name}`)
  })

  const rule = (more: object = {}) => ({
    ...{ name: 'mirror', effect: 'allow', match: { hosts: [here] }, addresses: ['127.0.0.0/8'] },
    ...more,
  })
  const add = (more?: object) => around.gateway.does<{ id: string }>('POST', '/rules', rule(more))
  const open = (token = around.token, to = here) => openTunnel({ port: around.gateway.port, token, to })

  /** TLS with the host itself, whose certificate is verified. */
  async function through(token?: string, name = 'localhost'): Promise<TLSSocket> {
    const tls = secure({ socket: await open(token), servername: name, ca: authority.pem })
    tls.on('error', () => {})
    await Promise.race([new Promise((resolve) => tls.once('secureConnect', resolve)), closed(tls)])
    return tls
  }

  async function ask(tls: TLSSocket): Promise<string> {
    tls.write(`GET /plain HTTP/1.1\r\nhost: ${here}\r\nauthorization: Bearer mine\r\n\r\n`)
    return String(await once(tls, 'data'))
  }

  test('is refused where no rule lets it through', async () => {
    await assert.rejects(open(), /403.*service_not_granted/s)
  })

  test('is passed through as it is, and on record with what passed', async () => {
    const { id } = await add()
    const tls = await through()
    assert.equal(tls.authorized, true)
    assert.match(await ask(tls), /200 OK/)
    assert.equal(upstream.sent[0]?.headers.authorization, 'Bearer mine')
    tls.end()
    let intent: Recorded | undefined
    await until(async () => {
      const { items } = await around.gateway.does<{ items: Recorded[] }>('GET', '/audit/records?limit=100')
      intent = items.find(({ type, req }) => type === 'intent' && req?.method === 'CONNECT')
      const outcome = items.find(({ type, rid }) => type === 'outcome' && rid === intent?.rid)?.outcome
      return outcome?.status === 200 && outcome.bytesIn > 200 && outcome.bytesOut > 500
    })
    assert.deepEqual([intent?.req?.origin, intent?.req?.service], [`https://${here}`, ''])
    assert.equal(intent?.decision?.rule, id)
  })

  test('is passed through where it asks the client for another hello', async () => {
    const picky = await tlsUpstream(authority.issue(), 'P-384')
    try {
      const to = `localhost:${picky.port}`
      await add({ match: { hosts: [to] } })
      const curves = { ca: authority.pem, servername: 'localhost', ecdhCurve: 'X25519:P-384' }
      const tls = secure({ socket: await open(undefined, to), ...curves })
      await once(tls, 'secureConnect')
      // The client's first hello has a key for X25519 alone.
      assert.equal((tls.getEphemeralKeyInfo() as { name: string }).name, 'secp384r1')
      assert.match(await ask(tls), /200 OK/)
      tls.destroy()
    } finally {
      await picky.close()
    }
  })

  test('is reached at public addresses alone, unless the rule says others', async () => {
    await add({ addresses: undefined })
    await assert.rejects(open(), /403.*address_refused/s)
    assert.equal(upstream.sent.length, 0)
  })

  test('gets nothing from a client that means another, or speaks no TLS', async () => {
    await add()
    const other = await through(undefined, 'gate.test')
    await until(() => other.destroyed)
    const plain = await open()
    const over = closed(plain.resume())
    plain.write(`GET /plain HTTP/1.1\r\nhost: ${here}\r\n\r\n`)
    await over
    assert.equal(upstream.sent.length, 0)
  })

  test('is refused to agents that the rule does not name, and to all where another rule denies', async () => {
    await add({ match: { hosts: [here], agents: [around.agentId] } })
    ;(await through()).destroy()
    const nobody = await around.gateway.does<{ id: string }>('POST', '/agents', { name: 'nobody' })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: nobody.id })
    await assert.rejects(open(token), /403/)
    for (const match of [{ hosts: [here] }, { agents: [around.agentId] }, {}]) {
      const stricter = { name: 'stricter', effect: 'deny', match }
      await around.gateway.does('POST', '/rules', stricter)
      await assert.rejects(open(), /403.*denied_by_rule|403.*rule/s, JSON.stringify(match))
      await around.gateway.does('DELETE', '/rules/stricter')
    }
    ;(await through()).destroy()
  })

  test('does not decide about calls', async () => {
    await add({ effect: 'deny', addresses: undefined, match: { hosts: ['127.0.0.1:9443', here] } })
    assert.equal((await around.call('/plain')).status, 200)
  })

  for (const [what, end] of [
    ['its rule is removed', () => around.gateway.does('DELETE', '/rules/mirror')],
    [
      'its rule says other hosts',
      () => around.gateway.does('PUT', '/rules/mirror', rule({ match: { hosts: ['a.example'] } })),
    ],
    [
      'a service names the host, at another port',
      () =>
        around.gateway.does('POST', '/services', {
          ...{ name: 'named', origins: ['https://localhost:1234'], addresses: ['127.0.0.0/8'] },
          injection: { kind: 'bearer' },
        }),
    ],
  ] as const)
    test(`is cut off at once when ${what}`, async () => {
      await add()
      const tls = await through()
      const over = closed(tls.resume())
      await end()
      await over
      await assert.rejects(open(), /403/)
      await around.gateway.does('DELETE', '/services/named').catch(() => {})
    })

  test('is cut off with the token that opened it', async () => {
    await add()
    const agent = around.agentId
    const { token, id } = await around.gateway.does<{ token: string; id: string }>('POST', '/tokens', { agent })
    const all = await Promise.all(Array.from({ length: 10 }, () => through(token)))
    const over = all.map((tls) => closed(tls.resume()))
    await around.gateway.does('DELETE', `/tokens/${id}`)
    await Promise.all(over)
  })

  test('is cut off when a service says of the agent what its rule does not bear', async () => {
    const { gateway, agentId } = around
    await gateway.does('POST', '/relying', { name: 'judge', owner: 'judge-inc' })
    const { key } = await gateway.does<{ key: string }>('POST', '/relying/judge/keys', {})
    await add({ match: { hosts: [here], trust: { atLeast: 4.95 } } })
    const tls = await through()
    assert.match(await ask(tls), /200 OK/)
    const over = closed(tls.resume())
    const said = await gateway.agent('POST', `/claviger/v1/relying/agents/${agentId}/trust`, {
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ score: 0, reason: 'rude' }),
    })
    assert.equal(said.status, 201, said.text())
    await over
    await assert.rejects(open(), /403/)
  })

  test('is cut off when the vault is sealed', async () => {
    await using own = await world({ env: { CLAVIGER_DEMO: 'off' } })
    await own.gateway.does('POST', '/rules', rule())
    const socket = await openTunnel({ port: own.gateway.port, token: own.token, to: here })
    const tls = secure({ socket, servername: 'localhost', ca: authority.pem }).on('error', () => {})
    await once(tls, 'secureConnect')
    const over = closed(tls.resume())
    await own.gateway.does('POST', '/seal')
    await over
  })

  test('has rules that say nothing which nobody could tell', async () => {
    for (const more of [
      { match: { hosts: [here], methods: ['GET'] } },
      { match: { hosts: [here], services: ['u'] } },
      { match: { hosts: ['*.com'] } },
      { match: { hosts: ['https://a.example'] } },
      { match: { hosts: ['a.example/path'] } },
      { match: { hosts: [here] }, when: 'true' },
      { match: { hosts: [here] }, effect: 'ask', addresses: undefined },
      { match: { hosts: [here] }, effect: 'deny' },
      { match: {} },
      { addresses: ['not one'] },
    ])
      await assert.rejects(add(more), /4(?:00|22)/, JSON.stringify(more))
  })
})
