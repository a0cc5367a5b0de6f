// The ClawGate door's stream of events (CG-10): what a person and an agent's key hear, and when it ends.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { approve, ClawGateClient } from './instruments/clawgate-client.ts'
import { EventReader } from './instruments/event-reader.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'
import { send } from './instruments/send.ts'

let gateway: Gateway
let ann: Person
let session = ''
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_CLAWGATE_REGISTRATION: 'invited' } })
  ann = await Person.enrolled(gateway, 'ann', 'owner')
  session = await signIn(ann)
})
after(() => gateway[Symbol.asyncDispose]())

async function post(path: string, body: object, token?: string): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const options = { port: gateway.port, method: 'POST', path: `/api/v1${path}`, headers, body: JSON.stringify(body) }
  const reply = await send(options)
  assert.ok(reply.status < 300, `${path} ${reply.status} ${reply.text()}`)
  return reply.json() as Record<string, string>
}

async function signIn({ authenticator, origin }: Pick<Person, 'authenticator' | 'origin'>): Promise<string> {
  const answer = authenticator.get((await post('/passkey/authenticate/start', {})) as never, origin)
  return (await post('/passkey/authenticate/complete', answer)).token as string
}

const listen = (headers: Record<string, string>) =>
  EventReader.open({ port: gateway.port, path: '/api/v1/approval/events', headers })

async function agent(name: string): Promise<ClawGateClient & { id: string }> {
  await gateway.does('POST', '/agents', { name })
  const made = await gateway.does<{ id: string; key: string }>('POST', '/clawgate/api-keys', { agent: name, name })
  return Object.assign(new ClawGateClient(gateway, made.key), { id: made.id })
}

describe('the stream of events', () => {
  test('tells a person all of a request as it is asked and answered, and begins with what waits', async () => {
    const own = await agent('first')
    const { requestId } = await own.request()
    using reader = await listen({ authorization: `Bearer ${session}` })
    assert.equal(reader.response.headers['content-type'], 'text/event-stream')
    const { requests, more } = (await reader.heard('state')) as { requests: { requestId: string }[]; more: number }
    assert.deepEqual([requests.map((one) => one.requestId), more], [[requestId], 0])
    const { requestId: second } = await own.request({ description: 'two\u202e' })
    const told = await reader.heard('requested')
    assert.deepEqual([told.requestId, told.status, told.description], [second, 'PENDING', 'two⟨U+202E⟩'])
    await approve(ann, second)
    assert.equal((await reader.heard('approved')).status, 'APPROVED')
    await own.ask('DELETE', `/approval/request/${requestId}`)
    assert.equal((await reader.heard('cancelled')).requestId, requestId)
    await own.verify((await own.status(second)).token as string, { consume: true })
    assert.equal((await reader.heard('consumed')).consumed, true)
  })

  test('tells a key of its own requests alone, by id and state, and ends with it', async () => {
    const [own, other] = [await agent('second'), await agent('third')]
    using reader = await listen({ 'x-api-key': own.key })
    assert.deepEqual(await reader.heard('state'), { requests: [], more: 0 })
    await other.request()
    const { requestId } = await own.request()
    assert.deepEqual(await reader.heard('requested'), { requestId, status: 'PENDING' })
    assert.equal(reader.named('requested').length, 1)
    await gateway.does('DELETE', `/clawgate/api-keys/${own.id}`)
    assert.deepEqual((await reader.end()).last?.data, { reason: 'caller_over' })
    using late = await listen({ 'x-api-key': own.key })
    assert.equal(late.status, 401)
  })

  test('is for a member four times, however often they sign in, and takes no room of operators', async () => {
    const { invite } = await gateway.does<{ invite: string }>('POST', '/clawgate/people/invites', {
      email: 'many@example.com',
    })
    const { token } = await post('/auth/register', { email: 'many@example.com', invite })
    const authenticator = new Authenticator()
    const { origin } = ann
    const options = await post('/passkey/register/start', {}, token)
    await post('/passkey/register/complete', authenticator.create(options as never, origin), token)
    const sessions = [await signIn({ authenticator, origin }), await signIn({ authenticator, origin })]
    const readers: EventReader[] = []
    for (const at of [0, 1, 0, 1, 0, 1]) readers.push(await listen({ authorization: `Bearer ${sessions[at]}` }))
    assert.deepEqual(
      readers.map(({ status }) => status),
      [200, 200, 200, 200, 429, 429],
    )
    for (const reader of readers) reader[Symbol.dispose]()
  })

  test('tells a member of their own agents, and ends when the session does', async () => {
    const email = 'mia@example.com'
    const { invite } = await gateway.does<{ invite: string }>('POST', '/clawgate/people/invites', { email })
    const { token } = await post('/auth/register', { email, invite })
    using unready = await listen({ authorization: `Bearer ${token}` })
    assert.equal(unready.status, 403)
    const mia = new Person(gateway)
    const made = mia.authenticator.create((await post('/passkey/register/start', {}, token)) as never, mia.origin)
    await post('/passkey/register/complete', made, token)
    const hers = await signIn(mia)
    const { key = '' } = await post('/auth/api-keys', { name: 'laptop', agentId: 'mias' }, hers)
    using reader = await listen({ authorization: `Bearer ${hers}` })
    assert.deepEqual(await reader.heard('state'), { requests: [], more: 0 }, 'nothing that others asked')
    const { requestId } = await new ClawGateClient(gateway, key).request()
    assert.equal((await reader.heard('requested')).requestId, requestId)
    await post('/auth/logout', {}, hers)
    assert.deepEqual((await reader.end()).last?.data, { reason: 'caller_over' })
  })

  test('is nobody’s without a key or a session, and four of one person’s at most', async () => {
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: `Bearer ${gateway.operatorToken}` }]) {
      using reader = await listen(headers)
      assert.equal(reader.status, 401)
    }
    const again = await signIn(ann)
    const open = () => listen({ authorization: `Bearer ${again}` })
    const four = await Promise.all([open(), open(), open(), open()])
    using fifth = await open()
    assert.deepEqual([fifth.status, fifth.response.headers['retry-after']], [429, '5'])
    for (const one of four) one.leave()
  })
})
