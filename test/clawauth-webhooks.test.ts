// Webhooks of the ClawAuth door (contract §3, §6): what is sent, how a receiver knows that it is genuine, who is told what.
import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Receiver as Endpoint } from '../src/alerts/alerts.support.ts'
import { city, mmdb } from '../src/identity/sign-ins/mmdb.support.ts'
import {
  ask,
  ClawAuthClient,
  derHex,
  given,
  type RelyingService,
  refused,
  registration,
  relyingService,
} from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { newKeys } from './instruments/proofs.ts'

interface Delivery {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: { id: string; event: string; timestamp: string; data: Record<string, unknown> }
}

/** A receiver as the contract wants one: it drops what is unsigned, edited, old, or was there before. */
class Receiver {
  readonly #secret: string
  readonly #seen = new Set<string>()

  constructor(secret: string) {
    this.#secret = secret
  }

  accepts(headers: IncomingHttpHeaders, body: string, now = Date.now()): boolean {
    const header = String(headers['x-clawauth-signature'] ?? '')
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? []
    if (t === undefined || v1 === undefined) return false
    const wanted = createHmac('sha256', this.#secret).update(`${t}.${body}`).digest()
    if (!timingSafeEqual(wanted, Buffer.from(v1, 'hex'))) return false
    if (Math.abs(now / 1_000 - Number(t)) > 300) return false
    const id = String(headers['x-clawauth-delivery'])
    if (id !== (JSON.parse(body) as { id: string }).id || this.#seen.has(id)) return false
    this.#seen.add(id)
    return true
  }
}

const [newYork, shanghai] = ['203.0.113.7', '2001:db8:86::7'] as const

describe('webhooks of the ClawAuth door', () => {
  let gateway: Gateway
  let endpoint: Endpoint
  let secret: string
  let shop: RelyingService
  let bank: RelyingService
  const deliveries = (): Delivery[] => endpoint.received.map((one) => ({ ...one, event: JSON.parse(one.body) }))

  before(async () => {
    endpoint = await Endpoint.start()
    gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    const file = join(gateway.folder, 'places.mmdb')
    writeFileSync(
      file,
      mmdb({ '203.0.113.0/24': city('US', 40.71, -74.01), '2001:db8:86::/48': city('CN', 31.2, 121.5) }),
    )
    await gateway.restart({ CLAVIGER_TRUSTED_PROXIES: '127.0.0.1', CLAVIGER_GEOIP_FILE: file })
    shop = await relyingService(gateway, 'shop')
    bank = await relyingService(gateway, 'bank')
    await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: [] })
    // An address on this machine is an operator's to allow, and not over the door.
    const hook = { url: endpoint.url, events: ['*'], kind: 'clawauth', addresses: ['127.0.0.0/8'] }
    ;({ secret } = await gateway.does<{ secret: string }>('POST', '/webhooks', hook))
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    await endpoint.close()
  })

  /** The next delivery of that event about that agent. */
  async function arrives(event: string, agentId?: string, type?: string): Promise<Delivery> {
    const fits = ({ event: { event: name, data } }: Delivery) =>
      name === event &&
      (agentId === undefined || data.agentId === agentId) &&
      (type === undefined || data.type === type)
    for (let tries = 0; ; tries += 1) {
      const found = deliveries().find(fits)
      if (found !== undefined) return found
      assert.ok(tries < 1_000, `${event} did not arrive; ${deliveries().map((one) => one.event.event)}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  test('prove themselves to a receiver that knows the secret, once (CA-12)', async () => {
    const { id } = await ClawAuthClient.register(gateway, 'registered')
    const { headers, body, event } = await arrives('agent.registered', id)
    assert.deepEqual(Object.keys(event), ['id', 'event', 'timestamp', 'data'])
    assert.match(event.id, /^evt_/)
    assert.match(event.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(headers['x-clawauth-delivery'], event.id)
    const receiver = () => new Receiver(secret)
    const signed = headers['x-clawauth-signature'] as string
    const bad: Record<string, [IncomingHttpHeaders, string, number?]> = {
      unsigned: [{ ...headers, 'x-clawauth-signature': undefined }, body],
      edited: [headers, body.replace('registered', 'approved')],
      'signed again by somebody else': [
        { ...headers, 'x-clawauth-signature': signed.replace(/v1=.*/, `v1=${'0'.repeat(64)}`) },
        body,
      ],
      'given another time': [{ ...headers, 'x-clawauth-signature': signed.replace(/t=\d+/, 't=1') }, body],
      'given another id': [{ ...headers, 'x-clawauth-delivery': 'evt_other' }, body],
      old: [headers, body, Date.now() + 600_000],
    }
    for (const [what, delivery] of Object.entries(bad)) assert.equal(receiver().accepts(...delivery), false, what)
    const one = receiver()
    assert.deepEqual([one.accepts(headers, body), one.accepts(headers, body)], [true, false])
    new Webhook(secret).verify(body, headers as Record<string, string>)
  })

  test('carry the documented event for another country at once', async () => {
    const agent = await ClawAuthClient.register(gateway, 'traveller')
    for (const address of [newYork, shanghai]) {
      const { challengeId, nonce } = await agent.challenge()
      const body = { challengeId, signature: derHex(nonce, agent.keys.privateKey) }
      const headers = { 'x-forwarded-for': address, 'x-forwarded-proto': 'https' }
      assert.equal((await ask(gateway, 'POST /auth/authenticate', { body, headers })).status, 200)
    }
    const { event } = await arrives('security.suspicious_activity', agent.id, 'geographic_anomaly')
    const { agentId, type, details, riskScore, ...more } = event.data
    assert.deepEqual([agentId, type, riskScore, more], [agent.id, 'geographic_anomaly', 8.5, {}])
    const { previousLocation, currentLocation, timeDelta } = details as Record<string, unknown>
    assert.deepEqual([previousLocation, currentLocation], ['US', 'CN'])
    assert.ok(Number.isInteger(timeDelta), `${timeDelta} seconds`)
  })

  test('are sent for everything in the table of §6', async () => {
    const agent = await ClawAuthClient.register(gateway, 'busy')
    const { id } = agent
    for (let i = 0; i < 5; i += 1) await agent.byNonce(await agent.challenge(), newKeys().privateKey)
    const { refreshToken, accessToken } = await agent.signIn(shop.id)
    for (let i = 0; i < 2; i += 1) await ask(gateway, 'POST /auth/refresh', { body: { refreshToken } })
    const role = { token: shop.key, body: { roleId: 'buyer' } }
    await ask(gateway, `POST /agents/${id}/roles`, role)
    await ask(gateway, `DELETE /agents/${id}/roles/buyer`, { token: shop.key })
    const { id: keyId } = await addKey(agent)
    await gateway.does('DELETE', `/agents/${id}/keys/${keyId}`)
    const report = { score: 0, reason: 'rude' }
    await ask(gateway, `POST /agents/${id}/trust`, { token: bank.key, body: report })
    await gateway.does('POST', `/agents/${id}/lock`)
    const wanted = [
      'agent.registered',
      'agent.key_added',
      'agent.key_revoked',
      'agent.status_changed',
      'token.revoked',
      'role.assigned',
      'role.revoked',
      'trust.band_changed',
    ]
    for (const event of wanted) await arrives(event, id)
    const burst = await arrives('security.suspicious_activity', id, 'auth_failure_burst')
    const reuse = await arrives('security.suspicious_activity', id, 'refresh_reuse')
    for (const { event } of [burst, reuse]) {
      const risk = event.data.riskScore as number
      assert.ok(risk >= 0 && risk <= 10, `${risk}`)
    }
    const receiver = new Receiver(secret)
    for (const { headers, body } of deliveries()) {
      assert.equal(receiver.accepts(headers, body), true, body)
      for (const text of [accessToken, refreshToken, shop.key, secret]) assert.equal(body.includes(text), false)
    }
  })

  async function addKey(agent: ClawAuthClient): Promise<{ id: string }> {
    const { accessToken } = await agent.signIn()
    const { publicKey, proof } = registration('x', newKeys())
    const body = { publicKey, proof }
    const reply = await ask(gateway, `POST /agents/${agent.id}/keys`, { token: accessToken, body })
    return { id: (reply.json() as { keyId: string }).keyId }
  }

  test('are made, listed, tested and removed by services, each its own', async () => {
    const url = 'https://hooks.example.com/x'
    const add = (body: object, token = shop.key) => ask(gateway, 'POST /webhooks', { token, body })
    const made = given<{ id: string; url: string; events: string[]; secret: string }>(
      await add({ url, events: ['token.revoked', 'role.*'] }),
      201,
      ['events', 'id', 'secret', 'url'],
    )
    assert.match(made.secret, /^whsec_/)
    assert.deepEqual([made.url, made.events], [url, ['token.revoked', 'role.*']])
    const list = async (token: string) =>
      given<{ items: object[]; nextCursor: null }>(await ask(gateway, 'GET /webhooks', { token }), 200, [
        'items',
        'nextCursor',
      ])
    const { secret: _, ...shown } = made
    assert.deepEqual(await list(shop.key), { items: [shown], nextCursor: null })
    assert.deepEqual(await list(bank.key), { items: [], nextCursor: null })
    assert.equal((await list(gateway.operatorToken)).items.length, 1)
    const at = (line: string, token: string) => ask(gateway, line, { token })
    for (const token of [bank.key, gateway.operatorToken]) {
      refused(await at(`DELETE /webhooks/${made.id}`, token), 404, 'NOT_FOUND')
      refused(await at(`POST /webhooks/${made.id}/test`, token), 404, 'NOT_FOUND')
    }
    const { accessToken } = await (await ClawAuthClient.register(gateway, 'nosy')).signIn()
    refused(await at('GET /webhooks', accessToken), 403, 'FORBIDDEN')
    refused(await add({ url, events: ['*'] }, accessToken), 403, 'FORBIDDEN')
    for (const bad of [
      { url: 'http://hooks.example.com/x', events: ['*'] },
      { url: 'https://127.0.0.1/x', events: ['*'] },
      { url: 'https://169.254.169.254/latest', events: ['*'] },
      { url: 'https://localhost/x', events: ['*'] },
      { url: 'https://[::1]/x', events: ['*'] },
      { url: 'https://127.0.0.1/x', events: ['*'], addresses: ['127.0.0.0/8'] },
      { url, events: [] },
      { url, events: ['no.such.event'] },
      { url },
    ])
      refused(await add(bad), 422, 'VALIDATION_ERROR')
    assert.deepEqual(given(await at(`DELETE /webhooks/${made.id}`, shop.key), 200, ['ok']), { ok: true })
    refused(await at(`DELETE /webhooks/${made.id}`, shop.key), 404, 'NOT_FOUND')
  })

  test('come in pages, and a URL that is none is a validation error', async () => {
    given(await ask(gateway, 'GET /webhooks?limit=50', { token: shop.key }), 200, ['items', 'nextCursor'])
    for (const url of ['x', 'https://user@hooks.example.com/x', 'https://hooks.example.com:99999/x']) {
      const reply = await ask(gateway, 'POST /webhooks', { token: shop.key, body: { url, events: ['*'] } })
      refused(reply, 422, 'VALIDATION_ERROR')
    }
  })

  test('are tested at once: whether it got through, and what was said', async () => {
    const { id } = await gateway.does<{ id: string }>('POST', '/webhooks', {
      url: endpoint.url,
      events: ['*'],
      kind: 'clawauth',
      addresses: ['127.0.0.0/8'],
    })
    const tested = await ask(gateway, `POST /webhooks/${id}/test`, { token: gateway.operatorToken })
    assert.deepEqual(given(tested, 200, ['ok', 'status']), { ok: true, status: 204 })
    await gateway.does('DELETE', `/webhooks/${id}`)
  })
})
