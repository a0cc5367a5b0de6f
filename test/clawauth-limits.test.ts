// The limits of the contract's §6 as they are by default, each with its Retry-After (CA-14). Limits by address do not count
// clients on this machine, so the test is the trusted proxy that says where clients come from.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  ask,
  ClawAuthClient,
  type DoorAsked,
  type DoorTokens,
  derHex,
  refused,
  registration,
  relyingService,
} from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { newKeys } from './instruments/proofs.ts'
import type { Reply } from './instruments/send.ts'

let gateway: Gateway
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' } })
})
after(() => gateway[Symbol.asyncDispose]())

let network = 0
/** An address that nobody used before. */
const address = () => {
  network += 1
  return `198.51.100.${network}`
}
const from = (client: string, body: object): DoorAsked => ({
  body,
  headers: { 'x-forwarded-for': client, 'x-forwarded-proto': 'https' },
})

/** Goes on until refused, and gives how often it was let through. `most`: seconds that may be asked for. */
async function untilRefused(once: () => Promise<Reply>, most: number): Promise<number> {
  for (let count = 0; count <= 1_000; count += 1) {
    const reply = await once()
    if (reply.status !== 429) continue
    refused(reply, 429, 'RATE_LIMITED')
    const seconds = Number(reply.headers['retry-after'])
    assert.ok(
      Number.isInteger(seconds) && seconds >= 1 && seconds <= most,
      `retry-after: ${reply.headers['retry-after']}`,
    )
    return count
  }
  throw new Error('never refused')
}

describe('limits at the ClawAuth door (CA-14)', () => {
  test('register: 5 an hour from one address, also those that are refused', async () => {
    const once = (client: string) => () =>
      ask(gateway, 'POST /auth/register', from(client, registration('stranger', newKeys())))
    const client = address()
    assert.equal(await untilRefused(once(client), 3_600), 5)
    refused(await once(address())(), 403, 'FORBIDDEN')
  })

  test('challenge: 10 a minute for one agent from one address, there or not', async () => {
    const { id } = await ClawAuthClient.register(gateway, 'challenged')
    for (const agentId of [id, 'agent_nobody']) {
      const client = address()
      const once = (at: string) => () => ask(gateway, 'POST /auth/challenge', from(at, { agentId }))
      assert.equal(await untilRefused(once(client), 60), 10)
      assert.equal((await once(address())()).status, 200)
    }
  })

  test('challenge: 60 a minute from one address, for whomever', async () => {
    const client = address()
    let n = 0
    const once = () => {
      n += 1
      return ask(gateway, 'POST /auth/challenge', from(client, { agentId: `agent_${n}` }))
    }
    assert.equal(await untilRefused(once, 60), 60)
  })

  test('authenticate: 10 a minute for one agent from one address, good or not', async () => {
    const agent = await ClawAuthClient.register(gateway, 'proven')
    for (const key of [agent.keys.privateKey, newKeys().privateKey]) {
      const client = address()
      const once = (at: string) => async () => {
        // Challenges come from this machine, whose limits by address do not count.
        const { challengeId, nonce } = await agent.challenge()
        return ask(gateway, 'POST /auth/authenticate', from(at, { challengeId, signature: derHex(nonce, key) }))
      }
      assert.equal(await untilRefused(once(client), 60), 10)
      assert.notEqual((await once(address())()).status, 429)
    }
  })

  test('refresh: 30 a minute of one family, from wherever', async () => {
    const agent = await ClawAuthClient.register(gateway, 'refreshing')
    let { refreshToken } = await agent.signIn()
    const once = async () => {
      const reply = await ask(gateway, 'POST /auth/refresh', from(address(), { refreshToken }))
      if (reply.status === 200) ({ refreshToken } = reply.json() as DoorTokens)
      return reply
    }
    assert.equal(await untilRefused(once, 60), 30)
    const { refreshToken: another } = await agent.signIn()
    assert.equal((await ask(gateway, 'POST /auth/refresh', { body: { refreshToken: another } })).status, 200)
  })

  test('verify: 600 a minute, trust: 60 a minute of one service', async () => {
    const agent = await ClawAuthClient.register(gateway, 'verified')
    const [shop, bank] = [await relyingService(gateway, 'shop'), await relyingService(gateway, 'bank')]
    const verify = (token: string) => () => ask(gateway, 'POST /auth/verify', { token, body: { token: 'x' } })
    assert.equal(await untilRefused(verify(shop.key), 60), 600)
    assert.equal((await verify(bank.key)()).status, 200)
    const body = { score: 5, reason: 'as ever' }
    const report = (token: string) => () => ask(gateway, `POST /agents/${agent.id}/trust`, { token, body })
    assert.equal(await untilRefused(report(shop.key), 60), 60)
    assert.equal((await report(bank.key)()).status, 201)
  })
})
