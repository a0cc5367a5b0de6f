// What a signature at the ClawAuth door may look like (contract §4), what it is worth once, and that whoever holds no key
// learns nothing from how it is refused.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { base62 } from '../src/ground/base62.ts'
import {
  ask,
  type Challenge,
  ClawAuthClient,
  type DoorTokens,
  derHex,
  encodings,
  type RelyingService,
  refused,
  registration,
  relyingService,
} from './instruments/clawauth-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { newKeys } from './instruments/proofs.ts'
import type { Reply } from './instruments/send.ts'

let gateway: Gateway
let shop: RelyingService
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_PUBLIC_REGISTRATION: 'on' } })
  shop = await relyingService(gateway, 'shop')
  await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: ['orders.read'] })
})
after(() => gateway[Symbol.asyncDispose]())

let count = 0
const client = () => {
  count += 1
  return ClawAuthClient.register(gateway, `signer-${count}`)
}

/** What the two forms sign. */
const messages: Record<string, { bytes: (challenge: Challenge) => Buffer; version?: 1 | 2 }> = {
  'the text of the nonce': { bytes: ({ nonce }) => Buffer.from(nonce) },
  'the text of the nonce, version 1': { bytes: ({ nonce }) => Buffer.from(nonce), version: 1 },
  'the 32 bytes of the nonce': { bytes: ({ nonce }) => Buffer.from(nonce, 'hex') },
  'the bound text': { bytes: ({ signingInput }) => Buffer.from(signingInput), version: 2 },
}

describe('a signature (CA-02)', () => {
  for (const [encoding, encode] of Object.entries(encodings)) {
    test(`is taken as ${encoding}, over whatever the contract names, from one and the same key`, async () => {
      const agent = await client()
      for (const [what, { bytes, version }] of Object.entries(messages)) {
        const challenge = await agent.challenge()
        const signature = encode(bytes(challenge), agent.keys.privateKey)
        const reply = await agent.authenticate({ challengeId: challenge.challengeId, signature, version })
        assert.equal(reply.status, 200, `${what}: ${reply.text()}`)
      }
    })

    test(`is 401 as ${encoding} with anything else about it`, async () => {
      const agent = await client()
      const mine = agent.keys.privateKey
      const bad: Record<string, (challenge: Challenge) => { signature: string; version?: number }> = {
        'a bit flipped': ({ nonce }) => ({ signature: flipped(encode(Buffer.from(nonce), mine)) }),
        'cut short': ({ nonce }) => ({ signature: encode(Buffer.from(nonce), mine).slice(0, -2) }),
        'with more behind it': ({ nonce }) => ({ signature: `${encode(Buffer.from(nonce), mine)}00` }),
        padded: ({ nonce }) => ({ signature: `${encode(Buffer.from(nonce), mine)}=` }),
        'by another key': ({ nonce }) => ({ signature: encode(Buffer.from(nonce), newKeys().privateKey) }),
        'over another nonce': () => ({ signature: encode(Buffer.from('0'.repeat(64)), mine) }),
        'over the nonce in capitals': ({ nonce }) => ({ signature: encode(Buffer.from(nonce.toUpperCase()), mine) }),
        'over the bound text, said to be the nonce': ({ signingInput }) => ({
          signature: encode(Buffer.from(signingInput), mine),
        }),
        'over the nonce, said to be the bound text': ({ nonce }) => ({
          signature: encode(Buffer.from(nonce), mine),
          version: 2,
        }),
      }
      for (const [what, make] of Object.entries(bad)) {
        const challenge = await agent.challenge()
        const reply = await agent.authenticate({ challengeId: challenge.challengeId, ...make(challenge) })
        assert.equal(refused(reply, 401, 'INVALID_SIGNATURE'), 'The proof does not hold', what)
        refused(await agent.byNonce(challenge), 401, 'INVALID_SIGNATURE') // used up all the same
      }
    })
  }
})

function flipped(text: string): string {
  const at = text.length - 10
  return `${text.slice(0, at)}${text[at] === 'b' ? 'c' : 'b'}${text.slice(at + 1)}`
}

describe('the bound form (CA-01, F-02)', () => {
  test('is signed for one gateway, agent, challenge and audience, and good for no other', async () => {
    const agent = await client()
    const other = await agent.challenge({ audience: shop.id })
    const swaps: Record<string, (parts: string[], challenge: Challenge) => string[]> = {
      'another gateway': (parts) => parts.with(1, 'https://elsewhere.example'),
      'another agent': (parts) => parts.with(2, 'agent_other'),
      'another challenge': (parts) => parts.with(3, other.challengeId),
      'another audience': (parts) => parts.with(4, shop.id),
      'another nonce': (parts) => parts.with(5, other.nonce),
      'another form': (parts) => parts.with(0, 'clawauth-v1'),
      'a line more': (parts) => [...parts, ''],
      'carriage returns': (parts) => parts.map((part) => `${part}\r`),
    }
    for (const [what, swap] of Object.entries(swaps)) {
      const challenge = await agent.challenge()
      const text = swap(challenge.signingInput.split('\n'), challenge).join('\n')
      const signature = derHex(text, agent.keys.privateKey)
      const reply = await agent.authenticate({ challengeId: challenge.challengeId, signature, version: 2 })
      assert.equal(refused(reply, 401, 'INVALID_SIGNATURE'), 'The proof does not hold', what)
    }
    assert.equal((await agent.byInput(await agent.challenge())).status, 200)
  })

  test('once used, ends the bare nonce for that key, over a restart, and for no other key', async () => {
    const [bound, bare] = [await client(), await client()]
    for (const agent of [bound, bare]) assert.equal((await agent.byNonce(await agent.challenge())).status, 200)
    assert.equal((await bound.byInput(await bound.challenge())).status, 200)
    for (let round = 0; round < 2; round += 1) {
      refused(await bound.byNonce(await bound.challenge()), 401, 'INVALID_SIGNATURE')
      assert.equal((await bare.byNonce(await bare.challenge())).status, 200)
      await gateway.restart()
    }
  })

  test('is the only one where the installation says so', async () => {
    await using strict = await Gateway.start({
      env: { CLAVIGER_DEMO: 'off', CLAVIGER_CLAWAUTH_REQUIRE_V2: 'on' },
    })
    const agent = await ClawAuthClient.register(strict, 'strict')
    refused(await agent.byNonce(await agent.challenge()), 401, 'INVALID_SIGNATURE')
    assert.equal((await agent.byInput(await agent.challenge())).status, 200)
  })

  test('is the only door to a bare nonce: the native one takes none', async () => {
    const agent = await client()
    const { challengeId, nonce } = await agent.challenge()
    const body = { challengeId, proof: derHex(nonce, agent.keys.privateKey) }
    const reply = await ask(gateway, 'POST /claviger/v1/auth/token', { body })
    assert.deepEqual([reply.status, reply.code], [401, 'proof_refused'])
  })
})

describe('a challenge', () => {
  test('is good once, however many answer it (F-01)', async () => {
    const agent = await client()
    for (let round = 0; round < 5; round += 1) {
      const challenge = await agent.challenge()
      const replies = await Promise.all(Array.from({ length: 16 }, () => agent.byInput(challenge)))
      assert.deepEqual(replies.map(({ status }) => status).toSorted(), [200, ...Array(15).fill(401)])
    }
  })

  test('is 410 after its five minutes', async () => {
    const agent = await client()
    const challenge = await agent.challenge()
    // As if they were over: by other hands in the file, which can make it older and nothing more of it.
    const database = new DatabaseSync(join(gateway.home, 'claviger.db'))
    database.prepare('update challenges set expires_at = ? where id = ?').run(Date.now() - 1, challenge.challengeId)
    database.close()
    refused(await agent.byNonce(challenge), 410, 'CHALLENGE_EXPIRED')
    refused(await agent.byNonce(challenge), 401, 'INVALID_SIGNATURE')
  })
})

describe('an agent that waits for approval (CA-05, F-10)', () => {
  test('gets no token, no role and no call; and all of it once an operator approved it', async () => {
    const keys = newKeys()
    const reply = await ask(gateway, 'POST /auth/register', { body: registration('stranger', keys) })
    const { agentId, status } = reply.json() as { agentId: string; status: string }
    assert.deepEqual([reply.status, status], [201, 'pending'])
    const tries = async () => {
      const challenge = (await ask(gateway, 'POST /auth/challenge', { body: { agentId } })).json() as Challenge
      const signature = derHex(challenge.nonce, keys.privateKey)
      const body = { challengeId: challenge.challengeId, signature }
      const role = { token: shop.key, body: { roleId: 'buyer' } }
      return {
        token: await ask(gateway, 'POST /auth/authenticate', { body }),
        role: await ask(gateway, `POST /agents/${agentId}/roles`, role),
        opaque: await gateway.operator('POST', '/tokens', { agent: agentId }),
      }
    }
    const waiting = await tries()
    refused(waiting.token, 403, 'FORBIDDEN')
    refused(waiting.role, 409, 'CONFLICT')
    const { token: opaque } = waiting.opaque.json() as { token?: string }
    if (opaque !== undefined) {
      const log = await ask(gateway, `GET /agents/${agentId}/auth-log`, { token: opaque })
      refused(log, 401, 'UNAUTHORIZED')
    }
    await gateway.does('POST', `/agents/${agentId}/approve`)
    const approved = await tries()
    assert.deepEqual([approved.token.status, approved.role.status], [200, 201])
    assert.ok((approved.token.json() as DoorTokens).accessToken)
  })
})

describe('whoever holds no key', () => {
  const ids = () => `agent_${base62(crypto.getRandomValues(Buffer.alloc(16)), 22)}`

  /** Everything but what is new in every answer. */
  function told(reply: Reply): object {
    const { date: _, 'claviger-request-id': rid, ...headers } = reply.headers
    return { status: reply.status, headers, body: reply.text().replaceAll(String(rid), 'RID') }
  }

  test('is told the same of an agent that is there and of one that is not', async (t) => {
    const [agent, locked, revoked] = [await client(), await client(), await client()]
    await gateway.does('POST', `/agents/${locked.id}/lock`)
    await gateway.does('POST', `/agents/${revoked.id}/revoke`)
    const stranger = newKeys().privateKey
    const at = (agentId: string) => ask(gateway, 'POST /auth/challenge', { body: { agentId } })
    const answer = async (agentId: string, make: (challenge: Challenge) => string, version?: 2) => {
      const { challengeId, ...challenge } = (await at(agentId)).json() as Challenge
      const signature = make({ challengeId, ...challenge })
      return ask(gateway, 'POST /auth/authenticate', { body: { challengeId, signature, version } })
    }
    const bare = ({ nonce }: Challenge) => derHex(nonce, stranger)
    const bound = ({ signingInput }: Challenge) => derHex(signingInput, stranger)
    const ways: Record<string, () => Promise<Reply>> = {
      'unknown agent': () => answer(ids(), bare),
      'wrong key': () => answer(agent.id, bare),
      'wrong key of a locked agent': () => answer(locked.id, bare),
      'wrong key of a revoked agent': () => answer(revoked.id, bare),
      'wrong signature': () => answer(agent.id, ({ nonce }) => derHex(`${nonce}x`, agent.keys.privateKey)),
      'no signature': () => answer(agent.id, () => 'x'),
      'unknown agent, bound form': () => answer(ids(), bound, 2),
      'wrong key, bound form': () => answer(agent.id, bound, 2),
      'unknown challenge': () =>
        ask(gateway, 'POST /auth/authenticate', { body: { challengeId: 'chal_x', signature: 'x' } }),
    }
    const [first, ...others] = await Promise.all(
      Object.entries(ways).map(async ([what, way]) => ({ what, told: told(await way()) })),
    )
    for (const { what, told: one } of others) assert.deepEqual(one, first?.told, what)

    const shapes = await Promise.all(
      [agent.id, locked.id, revoked.id, ids()].map(async (id) => {
        const reply = await at(id)
        const { signingInput, ...rest } = reply.json() as Challenge
        const parts = signingInput.split('\n')
        assert.equal(parts[2], id)
        return {
          status: reply.status,
          length: reply.headers['content-length'],
          members: Object.keys(rest),
          parts: parts.length,
        }
      }),
    )
    for (const shape of shapes) assert.deepEqual(shape, shapes[0])

    // A report, not an assertion: how long each takes.
    const times = Object.fromEntries(Object.keys(ways).map((what) => [what, [] as number[]]))
    for (let round = 0; round < 40; round += 1) {
      for (const [what, way] of Object.entries(ways)) {
        const from = performance.now()
        await way()
        times[what]?.push(performance.now() - from)
      }
    }
    for (const [what, list] of Object.entries(times)) {
      t.diagnostic(`${what}: median ${list.toSorted((a, b) => a - b)[20]?.toFixed(2)} ms`)
    }
  })

  test('learns no id by a name', async () => {
    const agent = await client()
    const { name } = (await ask(gateway, `GET /agents/${agent.id}`, { token: shop.key })).json() as { name: string }
    const reply = await ask(gateway, 'POST /auth/challenge', { body: { agentId: name } })
    assert.equal(reply.text().includes(agent.id), false)
  })
})
