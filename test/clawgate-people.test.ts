// The ClawGate door for people: an operator with a passkey, by a client that knows its contract alone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { ClawGateClient, REQUEST, refusedAs } from './instruments/clawgate-client.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'

type Json = Record<string, never>
let gateway: Gateway
let ann: Person
let session = ''
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_LIMIT_PEOPLE: '900/min' } })
  ann = await Person.enrolled(gateway, 'ann', 'owner')
  session = await signIn(ann)
})
after(() => gateway[Symbol.asyncDispose]())

function ask(line: string, body?: object, token = session): Promise<Reply> {
  const [method = '', path = ''] = line.split(' ')
  const headers = { ...(token !== '' && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' }
  return send({ port: gateway.port, method, path: `/api/v1${path}`, headers, body: body && JSON.stringify(body) })
}

async function does(line: string, body?: object, token = session): Promise<Json> {
  const reply = await ask(line, body, token)
  assert.ok(reply.status < 300, `${line} ${reply.status} ${reply.text()}`)
  return reply.json() as Json
}

async function signIn(person: Person): Promise<string> {
  const options = await does('POST /passkey/authenticate/start', {}, '')
  const assertion = person.authenticator.get(options as never, person.origin)
  return (await does('POST /passkey/authenticate/complete', assertion, '')).token as unknown as string
}

let agents = 0
async function agent(): Promise<ClawGateClient> {
  agents += 1
  const made = await does('POST /auth/api-keys', { name: 'laptop', agentId: `agent-${agents}` })
  return new ClawGateClient(gateway, made.key as unknown as string)
}

async function assertionFor(approvalId: string, person = ann): Promise<object> {
  const options = await does('POST /passkey/authenticate/start', { approvalId }, '')
  return person.authenticator.get(options as never, person.origin)
}

describe('a person', () => {
  test('signs in, sees who they are, and signs out', async () => {
    const own = await signIn(ann)
    const { user } = await does('GET /auth/me', undefined, own)
    const { createdAt, id, ...said } = user as unknown as { createdAt: string; id: string }
    assert.ok(id.startsWith('op_') && createdAt)
    assert.deepEqual(said, { email: 'ann', emailVerified: true, displayName: 'ann', passkeyCount: 1 })
    await does('POST /auth/logout', {}, own)
    assert.deepEqual(refusedAs(await ask('GET /auth/me', undefined, own)), [401, 'UNAUTHORIZED'])
  })

  test('is nobody with an API key, an operator token or an approval token, and a session opens nothing for agents', async () => {
    const own = await agent()
    const { requestId: id } = await own.request()
    await does(`POST /approval/approve/${id}`, await assertionFor(id), '')
    const { token = '' } = await own.status(id)
    for (const other of [own.key, gateway.operatorToken, token, ''])
      assert.deepEqual(refusedAs(await ask('GET /approval/pending', undefined, other)), [401, 'UNAUTHORIZED'])
    assert.deepEqual(refusedAs(await ask('POST /approval/request', REQUEST)), [401, 'UNAUTHORIZED'])
    const headers = { authorization: `Bearer ${session}` }
    assert.equal((await gateway.agent('GET', '/claviger/v1/agents/self/approvals/apr_x', { headers })).status, 401)
  })

  test('keeps passkeys: adds another, removes one, and never the last (CG-04)', async () => {
    const eve = await Person.enrolled(gateway, 'eve', 'approver')
    const own = await signIn(eve)
    const { passkeys } = await does('GET /passkey', undefined, own)
    const [{ id }] = passkeys as unknown as [{ id: string }]
    assert.deepEqual(refusedAs(await ask(`DELETE /passkey/${id}`, undefined, own)), [409, 'CONFLICT'])
    assert.deepEqual(refusedAs(await ask(`DELETE /passkey/${id}`)), [404, 'NOT_FOUND'], 'somebody else’s')
    const options = await does('POST /passkey/register/start', {}, own)
    const made = { ...new Authenticator().create(options as never, eve.origin), name: 'phone' }
    assert.equal((await does('POST /passkey/register/complete', made, own)).name, 'phone')
    assert.equal((await ask('POST /passkey/register/complete', made, own)).status, 403, 'a challenge is good once')
    await does(`DELETE /passkey/${id}`, undefined, own)
  })

  test('comes back by a recovery code, which is good once and for a passkey alone (CG-04)', async () => {
    const zoe = await Person.enrolled(gateway, 'zoe', 'owner')
    const [recoveryCode = '', other = ''] = zoe.recoveryCodes
    assert.deepEqual(refusedAs(await ask('POST /auth/recover', { email: 'ann', recoveryCode: other }, '')), [
      401,
      'UNAUTHORIZED',
    ])
    const own = (await does('POST /auth/recover', { email: 'zoe', recoveryCode }, '')).token as unknown as string
    assert.deepEqual(refusedAs(await ask('GET /approval/pending', undefined, own)), [403, 'FORBIDDEN'])
    const options = await does('POST /passkey/register/start', {}, own)
    await does('POST /passkey/register/complete', new Authenticator().create(options as never, zoe.origin), own)
    assert.equal((await ask('POST /auth/recover', { email: 'zoe', recoveryCode }, '')).status, 401)
  })

  test('makes keys as an owner alone, sees them without their secret, and revokes them', async () => {
    const bob = await signIn(await Person.enrolled(gateway, 'bob', 'approver'))
    assert.deepEqual(refusedAs(await ask('POST /auth/api-keys', { name: 'x' }, bob)), [403, 'FORBIDDEN'])
    const made = await does('POST /auth/api-keys', { name: 'ci', agentId: 'builder' })
    assert.deepEqual(Object.keys(made).sort(), ['agentId', 'createdAt', 'expiresAt', 'id', 'key', 'name', 'prefix'])
    const { apiKeys } = await does('GET /auth/api-keys?limit=100')
    assert.ok(!JSON.stringify(apiKeys).includes(made.key as unknown as string))
    await does(`DELETE /auth/api-keys/${made.id}`)
    assert.deepEqual(refusedAs(await ask('DELETE /auth/api-keys/tok_none')), [404, 'NOT_FOUND'])
    const own = new ClawGateClient(gateway, made.key as unknown as string)
    assert.equal((await own.ask('POST', '/approval/request', REQUEST)).status, 401)
  })
})

describe('an answer', () => {
  test('is a passkey’s assertion over this request’s challenge, once, and nothing else (CG-05)', async () => {
    const own = await agent()
    const [a, b] = [(await own.request()).requestId, (await own.request()).requestId]
    const login = ann.authenticator.get((await does('POST /passkey/authenticate/start', {}, '')) as never, ann.origin)
    const forA = await assertionFor(a)
    for (const wrong of [{}, login, forA]) {
      const reply = await ask(`POST /approval/approve/${b}`, wrong)
      assert.deepEqual(refusedAs(reply), [403, 'PASSKEY_REQUIRED'])
      assert.ok((reply.json() as { error: { options: { challenge: string } } }).error.options.challenge)
    }
    assert.equal((await own.status(b)).status, 'PENDING')
    assert.equal((await ask(`POST /approval/approve/${a}`, forA)).status, 403, 'it was used up')
    const answer = await assertionFor(a)
    assert.deepEqual(await does(`POST /approval/approve/${a}`, { ...answer, comment: 'fine' }, ''), {
      ...{ status: 'APPROVED', requestId: a },
    })
    assert.deepEqual(refusedAs(await ask(`POST /approval/approve/${a}`, answer)), [409, 'CONFLICT'])
    assert.equal((await own.status(a)).reason, 'fine')
    const refusal = (await ask(`POST /approval/approve/${b}`, {})).json() as { error: { options: never } }
    const fresh = ann.authenticator.get(refusal.error.options, ann.origin)
    assert.equal((await does(`POST /approval/approve/${b}`, fresh, '')).status, 'APPROVED')
  })

  test('is not an auditor’s, and not a stranger’s', async () => {
    const own = await agent()
    const { requestId: id } = await own.request()
    const kim = await Person.enrolled(gateway, 'kim', 'auditor')
    const answer = await assertionFor(id, kim)
    assert.deepEqual(refusedAs(await ask(`POST /approval/approve/${id}`, answer)), [403, 'PASSKEY_REQUIRED'])
    assert.deepEqual(refusedAs(await ask(`POST /approval/deny/${id}`, {}, await signIn(kim))), [403, 'FORBIDDEN'])
    assert.equal((await own.status(id)).status, 'PENDING')
  })

  test('is no, with a reason; and what was taken back has none (CG-10)', async () => {
    const own = await agent()
    const [a, b] = [(await own.request()).requestId, (await own.request()).requestId]
    assert.equal((await does(`POST /approval/deny/${a}`, { reason: 'no' })).status, 'DENIED')
    assert.equal((await own.status(a)).reason, 'no')
    await own.ask('DELETE', `/approval/request/${b}`)
    for (const line of [`POST /approval/deny/${a}`, `POST /approval/deny/${b}`, `POST /approval/approve/${b}`])
      assert.deepEqual(refusedAs(await ask(line, {})), [409, 'CONFLICT'], line)
    assert.deepEqual(refusedAs(await ask('POST /approval/deny/apr_none', {})), [404, 'NOT_FOUND'])
  })

  test('is found again by filters and pages, and descriptions are the agent’s words (CG-08, CG-11)', async () => {
    const own = await agent()
    const name = `agent-${agents}`
    const ids: string[] = []
    for (const description of ['one', 'two\u202e\u0007', 'three'])
      ids.unshift((await own.request({ description, riskLevel: 'low' })).requestId)
    const pending = (await does(`GET /approval/pending?limit=100`)).requests as unknown as Record<string, string>[]
    assert.equal(pending.find(({ requestId }) => requestId === ids[0])?.riskLevel, 'high')
    const two = pending.find(({ requestId }) => requestId === ids[1])
    assert.equal(two?.description, 'two⟨U+202E⟩⟨U+0007⟩')
    assert.ok(two?.summary?.includes('rm -rf ./old') && !two.summary.includes('two'))
    assert.match(JSON.stringify(two?.agent), /"verified":true/)
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page = await does(`GET /approval/history?agentId=${name}&limit=2${more}`)
      for (const { requestId } of page.requests as unknown as { requestId: string }[]) seen.push(requestId)
      cursor = page.nextCursor as unknown as string | null
    }
    assert.deepEqual(seen.sort(), ids.sort())
    for (const none of ['status=APPROVED', 'from=2999-01-01T00:00:00Z', 'to=2000-01-01T00:00:00Z'])
      assert.deepEqual((await does(`GET /approval/history?agentId=${name}&${none}`)).requests, [])
    for (const wrong of ['limit=0', 'limit=101', 'status=x', 'cursor=%24', 'from=x'])
      assert.deepEqual(refusedAs(await ask(`GET /approval/history?${wrong}`)), [422, 'VALIDATION_ERROR'], wrong)
  })
})
