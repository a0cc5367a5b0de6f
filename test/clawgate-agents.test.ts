// The ClawGate door for agents and for whoever carries actions out, by a client that knows its contract alone.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { approve, ClawGateClient, REQUEST, refusedAs } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'

interface Key {
  readonly id: string
  readonly key: string
  readonly prefix: string
}

let gateway: Gateway
let ann: Person
let agents = 0
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_CLAWGATE_LISTEN: '127.0.0.1:0' } })
  ann = await Person.enrolled(gateway, 'ann', 'owner')
})
after(() => gateway[Symbol.asyncDispose]())

const keyFor = (agent: string) => gateway.does<Key>('POST', '/clawgate/api-keys', { agent, name: 'laptop' })

/** An agent of its own, so that no test stands in the way of another's three that may wait. */
async function client(): Promise<ClawGateClient & { agent: string }> {
  agents += 1
  const agent = `my-agent-${agents}`
  await gateway.does('POST', '/agents', { name: agent })
  return Object.assign(new ClawGateClient(gateway, (await keyFor(agent)).key), { agent })
}

async function approved(own: ClawGateClient, more: object = {}): Promise<{ id: string; token: string }> {
  const { requestId: id } = await own.request(more)
  assert.equal((await approve(ann, id)).status, 200)
  const { token = '' } = await own.status(id)
  return { id, token }
}

describe('an API key', () => {
  test('is ag_ and 32 base64url characters, shown once, listed by its first eight, and revoked', async () => {
    await gateway.does('POST', '/agents', { name: 'keyed' })
    const made = await keyFor('keyed')
    assert.match(made.key, /^ag_[A-Za-z0-9_-]{32}$/)
    assert.equal(made.prefix, made.key.slice(0, 8))
    const { items } = await gateway.does<{ items: object[] }>('GET', '/clawgate/api-keys')
    assert.ok(!JSON.stringify(items).includes(made.key))
    const own = new ClawGateClient(gateway, made.key)
    const { requestId } = await own.request()
    assert.equal(
      (await own.ask('GET', `/approval/status/${requestId}`, undefined, { 'x-api-key': made.key })).status,
      200,
    )
    await gateway.does('DELETE', `/clawgate/api-keys/${made.id}`)
    assert.deepEqual(refusedAs(await own.ask('GET', `/approval/status/${requestId}`)), [401, 'UNAUTHORIZED'])
  })

  test('counts nowhere else, and tokens of other kinds do not count here', async () => {
    const own = await client()
    const native = await gateway.agent('GET', '/claviger/v1/agents/self/approvals/apr_x', { headers: bearer(own.key) })
    assert.equal(native.status, 401)
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: own.agent })
    for (const headers of [
      bearer(token),
      bearer(gateway.operatorToken),
      {},
      { ...bearer(own.key), 'x-api-key': 'ag_' },
    ]) {
      const reply = await own.ask('POST', '/approval/request', REQUEST, headers)
      assert.deepEqual(refusedAs(reply), [401, 'UNAUTHORIZED'])
    }
    const past = { agent: own.agent, name: 'old', expiresAt: '2020-01-01T00:00:00Z' }
    assert.equal((await gateway.operator('POST', '/clawgate/api-keys', past)).code, 'token_life_invalid')
  })
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('a request', () => {
  test('is pending, is approved with a passkey, and each poll gives the same token', async () => {
    const own = await client()
    const { requestId, status, expiresAt } = await own.request()
    assert.equal(status, 'PENDING')
    assert.ok(Date.parse(expiresAt) > Date.now())
    assert.deepEqual(await own.status(requestId), { status: 'PENDING', requestId, expiresAt })
    const waiting = own.status(requestId, '?wait=60')
    assert.equal((await approve(ann, requestId)).status, 200)
    const first = await waiting
    assert.equal(first.status, 'APPROVED')
    assert.ok(first.decidedAt)
    assert.equal((await own.status(requestId)).token, first.token)
  })

  test('is denied, and says why', async () => {
    const own = await client()
    const { requestId: id } = await own.request()
    const { digest } = await ann.does<{ digest: string }>('GET', `/approvals/${id}`)
    await ann.does('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest, comment: 'not today' })
    const { status, reason, token } = await own.status(id)
    assert.deepEqual([status, reason, token], ['DENIED', 'not today', undefined])
  })

  test('is taken back by its own key alone, and then nobody approves it (CG-10)', async () => {
    const [own, other] = [await client(), await client()]
    const { requestId: id } = await own.request()
    for (const path of [`/approval/status/${id}`])
      assert.deepEqual(refusedAs(await other.ask('GET', path)), [404, 'NOT_FOUND'])
    assert.deepEqual(refusedAs(await other.ask('DELETE', `/approval/request/${id}`)), [404, 'NOT_FOUND'])
    const cancelled = await own.ask('DELETE', `/approval/request/${id}`)
    assert.deepEqual(cancelled.json(), { status: 'CANCELLED', requestId: id })
    assert.equal((await approve(ann, id)).code, 'approval_already_decided')
    assert.deepEqual(refusedAs(await own.ask('DELETE', `/approval/request/${id}`)), [409, 'CONFLICT'])
    assert.equal((await own.status(id)).status, 'CANCELLED')
  })

  test('is one under one idempotency key, and another content under it is a conflict', async () => {
    const own = await client()
    const first = await own.request({ idempotencyKey: 'k' })
    const again = await own.ask('POST', '/approval/request', { ...REQUEST, idempotencyKey: 'k' })
    assert.deepEqual([again.status, again.json()], [200, first])
    const other = await own.ask('POST', '/approval/request', { ...REQUEST, action: 'else', idempotencyKey: 'k' })
    assert.deepEqual(refusedAs(other), [409, 'CONFLICT'])
    assert.notEqual((await own.request()).requestId, (await own.request()).requestId)
    assert.deepEqual(refusedAs(await own.ask('POST', '/approval/request', REQUEST)), [429, 'RATE_LIMITED'])
  })

  test('shows what the agent says as its words, and all parameters (CG-08)', async () => {
    const own = await client()
    const description = 'harmless\u202e\u0000'
    const { requestId: id } = await own.request({ description })
    const { shown } = await ann.does<{ shown: object }>('GET', `/approvals/${id}`)
    const text = JSON.stringify(shown)
    assert.ok(text.includes('rm -rf ./old'))
    assert.ok(!text.includes('\u202e') && !text.includes('\\u0000'))
  })

  test('is refused in the contract’s words where it is wrong', async () => {
    const own = await client()
    const wrong: [object | string, number, string][] = [
      ['{', 400, 'INVALID_JSON'],
      [{}, 422, 'VALIDATION_ERROR'],
      [{ ...REQUEST, action: 'x'.repeat(201) }, 422, 'VALIDATION_ERROR'],
      [{ ...REQUEST, riskLevel: 'none' }, 422, 'VALIDATION_ERROR'],
      [{ ...REQUEST, expiresInSeconds: 29 }, 422, 'VALIDATION_ERROR'],
      [{ ...REQUEST, expiresInSeconds: 3_601 }, 422, 'VALIDATION_ERROR'],
      [{ ...REQUEST, agentId: 'somebody-else' }, 403, 'FORBIDDEN'],
      [{ ...REQUEST, description: 'x'.repeat(300_000) }, 413, 'VALIDATION_ERROR'],
    ]
    for (const [body, ...said] of wrong)
      assert.deepEqual(refusedAs(await own.ask('POST', '/approval/request', body)), said, JSON.stringify(said))
    const { requestId: id } = await own.request()
    for (const wait of ['0', '61', 'x'])
      assert.deepEqual(refusedAs(await own.ask('GET', `/approval/status/${id}?wait=${wait}`)), [
        422,
        'VALIDATION_ERROR',
      ])
    assert.deepEqual(refusedAs(await own.ask('GET', '/approval/status/apr_none')), [404, 'NOT_FOUND'])
    assert.deepEqual(refusedAs(await own.ask('GET', '/approval/else')), [404, 'NOT_FOUND'])
  })

  test('takes tool and parameters at the top level too', async () => {
    const own = await client()
    const { token } = await approved(own, { context: {}, toolName: 'exec', params: { a: 1 } })
    const content = { action: REQUEST.action, agentId: own.agent, context: { params: { a: 1 }, tool: 'exec' } }
    const wanted = createHash('sha256').update(JSON.stringify(content)).digest('hex')
    assert.equal((await own.verify(token)).claims?.actionHash, wanted)
  })
})

describe('an approval token', () => {
  test('is ES256 and checked offline by the published keys; it carries what was approved (CG-07)', async () => {
    const own = await client()
    const { id, token } = await approved(own)
    const [head = '', content = '', signature = ''] = token.split('.')
    const header = JSON.parse(Buffer.from(head, 'base64url').toString())
    assert.equal(header.alg, 'ES256')
    const { keys } = (await gateway.agent('GET', '/.well-known/jwks.json')).json() as { keys: { kid: string }[] }
    const key = createPublicKey({ key: keys.find(({ kid }) => kid === header.kid) as object, format: 'jwk' } as never)
    const signed = Buffer.from(`${head}.${content}`)
    assert.ok(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    const { iat, exp, iss, jti, epoch, ...claims } = JSON.parse(Buffer.from(content, 'base64url').toString())
    assert.equal(exp - iat, 300)
    assert.ok(iss && jti && epoch > 0)
    // RFC 8785 by hand: members in order, the number and null as they are.
    const canonical = `{"action":"shell.exec","agentId":"${own.agent}","context":{"cwd":"/srv","params":{"command":"rm -rf ./old","none":null,"ratio":0.5},"tool":"exec"}}`
    assert.deepEqual(claims, {
      ...{ aud: 'clawgate-approval', sub: own.agent, typ: 'approval', requestId: id, sid: id, action: 'shell.exec' },
      actionHash: createHash('sha256').update(canonical).digest('hex'),
      ...{ approver: 'ann', amr: ['webauthn'], uv: true },
    })
    assert.equal(
      (await gateway.agent('GET', '/claviger/v1/agents/self/approvals/apr_x', { headers: bearer(token) })).status,
      401,
    )
  })

  test('is good for its action and agent alone, and consumed once (CG-06)', async () => {
    const own = await client()
    const { token } = await approved(own)
    const { claims } = await own.verify(token)
    const actionHash = String(claims?.actionHash)
    assert.equal((await own.verify(token, { actionHash: '0'.repeat(64), consume: true })).error, 'wrong_action')
    assert.equal((await own.verify(token, { actionHash, agentId: 'else', consume: true })).error, 'wrong_agent')
    const racers = Array.from({ length: 16 }, () =>
      own.verify(token, { actionHash, agentId: own.agent, consume: true }),
    )
    const answers = await Promise.all(racers)
    assert.equal(answers.filter(({ valid }) => valid).length, 1)
    assert.deepEqual(new Set(answers.map(({ error }) => error)), new Set([undefined, 'consumed']))
    assert.deepEqual(await own.verify(token), { valid: false, error: 'consumed' })
  })

  test('is nothing where it is edited, of another kind, or no token', async () => {
    const own = await client()
    const { token } = await approved(own)
    const [head = '', content = '', signature = ''] = token.split('.')
    const edited = Buffer.from(content, 'base64url').toString().replace('shell.exec', 'shell.else')
    const changed = `${head}.${Buffer.from(edited).toString('base64url')}.${signature}`
    assert.equal((await own.verify(changed)).error, 'bad_signature')
    assert.equal((await own.verify('x')).error, 'malformed')
    assert.equal((await own.verify('')).error, 'malformed')
    const none = Buffer.from('{"alg":"none","typ":"approval+jwt"}').toString('base64url')
    assert.equal((await own.verify(`${none}.${content}.`)).error, 'malformed')
    assert.deepEqual(refusedAs(await own.ask('POST', '/approval/verify-token', {}, {})), [422, 'VALIDATION_ERROR'])
  })

  test('is void with the key that asked, or with its agent', async () => {
    const agent = await client()
    const made = await keyFor(agent.agent)
    const own = new ClawGateClient(gateway, made.key)
    const [one, other] = [await approved(own), await approved(agent)]
    await gateway.does('DELETE', `/clawgate/api-keys/${made.id}`)
    assert.equal((await own.verify(one.token, { consume: true })).error, 'revoked')
    await gateway.does('POST', `/agents/${agent.agent}/lock`)
    assert.equal((await own.verify(other.token)).error, 'revoked')
  })
})
