// People at the ClawGate door who are no operators (CG-04): how they come, what is theirs, and that nothing else is.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { ClawGateClient, REQUEST, refusedAs } from './instruments/clawgate-client.ts'
import { asOperator } from './instruments/command-line.ts'
import { Gateway, repository } from './instruments/gateway.ts'
import { MailServer, type Received } from './instruments/mail-server.ts'
import { Person } from './instruments/person.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

const ENV = {
  ...{ CLAVIGER_DEMO: 'off', CLAVIGER_LIMIT_PEOPLE: '900/min', CLAVIGER_LIMIT_REGISTER: '900/min' },
  ...{ CLAVIGER_CLAWGATE_REGISTRATION: 'open', CLAVIGER_CLAWGATE_ACCOUNT_PER_MINUTE: '900' },
}
interface Registered {
  readonly user: { readonly id: string; readonly email: string; readonly emailVerified: boolean }
  readonly token: string
}

let gateway: Gateway
before(async () => {
  gateway = await Gateway.start({ env: ENV })
})
after(() => gateway[Symbol.asyncDispose]())

/** A restart gives the pages another port. */
const origin = () => gateway.ready.operators as string

function ask(line: string, body?: object, token?: string): Promise<Reply> {
  const [method = '', path = ''] = line.split(' ')
  const headers = { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' }
  return send({ port: gateway.port, method, path: `/api/v1${path}`, headers, body: body && JSON.stringify(body) })
}

async function does<T = Record<string, never>>(line: string, body?: object, token?: string): Promise<T> {
  const reply = await ask(line, body, token)
  assert.ok(reply.status < 300, `${line} ${reply.status} ${reply.text()}`)
  return reply.json() as T
}

const codeFor = async (email: string) =>
  (await gateway.does<{ code: string }>('POST', `/clawgate/people/${encodeURIComponent(email)}/code`)).code
const inviteFor = async (email: string) =>
  (await gateway.does<{ invite: string }>('POST', '/clawgate/people/invites', { email })).invite

/** Makes a passkey in the session that registering opened, and signs in with it. */
async function enrolled(token: string): Promise<{ session: string; authenticator: Authenticator; codes: string[] }> {
  const authenticator = new Authenticator()
  const made = authenticator.create((await does('POST /passkey/register/start', {}, token)) as never, origin())
  const { recoveryCodes: codes } = await does<{ recoveryCodes: string[] }>(
    'POST /passkey/register/complete',
    made,
    token,
  )
  return { authenticator, codes, session: await signIn(authenticator) }
}

async function signIn(authenticator: Authenticator): Promise<string> {
  const answer = authenticator.get((await does('POST /passkey/authenticate/start', {})) as never, origin())
  return (await does<{ token: string }>('POST /passkey/authenticate/complete', answer)).token
}

async function member(email: string) {
  const invite = await inviteFor(email)
  const { token } = await does<Registered>('POST /auth/register', { email, invite })
  return enrolled(token)
}

async function agentOf(session: string, agentId: string): Promise<ClawGateClient> {
  const { key } = await does<{ key: string }>('POST /auth/api-keys', { name: 'laptop', agentId }, session)
  return new ClawGateClient(gateway, key)
}

async function yes(authenticator: Authenticator, id: string): Promise<Reply> {
  const options = await does('POST /passkey/authenticate/start', { approvalId: id })
  return ask(`POST /approval/approve/${id}`, authenticator.get(options as never, origin()))
}

describe('registration', () => {
  test('is for nobody unless it is opened, and for the invited alone where that is said', async () => {
    await gateway.stop()
    await gateway.restart({ CLAVIGER_CLAWGATE_REGISTRATION: 'closed' })
    const closed = await ask('POST /auth/register', { email: 'a@example.com', invite: 'x' })
    assert.deepEqual(refusedAs(closed), [403, 'FORBIDDEN'])
    const invite = await gateway.operator('POST', '/clawgate/people/invites', { email: 'a@example.com' })
    assert.equal(invite.code, 'clawgate_registration_closed')
    await gateway.restart({ CLAVIGER_CLAWGATE_REGISTRATION: 'invited' })
    const invited = await inviteFor('Ida@Example.com')
    for (const body of [
      { email: 'ida@example.com' },
      { email: 'ida@example.com', invite: 'x' },
      { email: 'other@example.com', invite: invited },
    ])
      assert.deepEqual(refusedAs(await ask('POST /auth/register', body)), [403, 'FORBIDDEN'], JSON.stringify(body))
    const body = { email: 'IDA@example.com', invite: invited }
    const { user, token } = await does<Registered>('POST /auth/register', body)
    assert.deepEqual([user.email, user.emailVerified], ['ida@example.com', true])
    assert.deepEqual(refusedAs(await ask('POST /auth/register', body)), [403, 'FORBIDDEN'], 'an invite is good once')
    await enrolled(token)
    await gateway.restart()
  })

  test('of an address that nobody proved opens the proof and nothing else', async () => {
    const { user, token } = await does<Registered>('POST /auth/register', { email: 'una@example.com' })
    assert.equal(user.emailVerified, false)
    assert.deepEqual((await does<{ user: object }>('GET /auth/me', undefined, token)).user, {
      ...{ id: user.id, email: 'una@example.com', emailVerified: false, displayName: 'una@example.com' },
      ...{ createdAt: (user as unknown as { createdAt: string }).createdAt, passkeyCount: 0 },
    })
    for (const line of ['POST /passkey/register/start', 'GET /passkey', 'GET /approval/pending', 'POST /auth/api-keys'])
      assert.deepEqual(refusedAs(await ask(line, line.startsWith('P') ? {} : undefined, token)), [401, 'UNAUTHORIZED'])
    const code = await codeFor('una@example.com')
    assert.deepEqual(refusedAs(await ask('POST /auth/verify-email', { code })), [401, 'UNAUTHORIZED'])
    const proved = await does<Registered>('POST /auth/verify-email', { code: code.toLowerCase() }, token)
    assert.equal(proved.user.emailVerified, true)
    assert.deepEqual(refusedAs(await ask('POST /auth/verify-email', { code }, token)), [401, 'UNAUTHORIZED'])
    assert.deepEqual(refusedAs(await ask('GET /approval/pending', undefined, proved.token)), [403, 'FORBIDDEN'])
    const { session } = await enrolled(proved.token)
    assert.deepEqual(await does('GET /approval/pending', undefined, session), { requests: [], nextCursor: null })
    assert.deepEqual(refusedAs(await ask('POST /auth/register', { email: 'UNA@example.com' })), [409, 'CONFLICT'])
  })

  test('is called as they say, by the address where they say nothing, and nothing else changes', async () => {
    interface Me {
      readonly user: { readonly displayName: string; readonly email: string }
    }
    const named = await does<Me & Registered>('POST /auth/register', { email: 'eva@example.com', displayName: ' Eva ' })
    assert.equal(named.user.displayName, 'Eva')
    const proved = await does<Registered>(
      'POST /auth/verify-email',
      { code: await codeFor('eva@example.com') },
      named.token,
    )
    const { session } = await enrolled(proved.token)
    const me = async () => (await does<Me>('GET /auth/me', undefined, session)).user
    assert.deepEqual([(await me()).displayName, (await me()).email], ['Eva', 'eva@example.com'])
    const body = { email: 'kim@example.com', invite: await inviteFor('kim@example.com'), displayName: '   ' }
    assert.equal((await does<Me>('POST /auth/register', body)).user.displayName, 'kim@example.com')
    await gateway.kill9()
    await gateway.restart()
    const { items } = await gateway.does<{ items: { email: string; displayName?: string }[] }>(
      'GET',
      '/clawgate/people',
    )
    const shown = (email: string) => items.find((one) => one.email === email)?.displayName
    assert.deepEqual([shown('eva@example.com'), shown('kim@example.com')], ['Eva', undefined])
    const long = await ask('POST /auth/register', { email: 'lou@example.com', displayName: 'x'.repeat(201) })
    assert.deepEqual(refusedAs(long), [422, 'VALIDATION_ERROR'])
  })

  test('gets the code by mail, where there is an e-mail channel', async () => {
    await using server = await MailServer.start()
    const { port } = server
    await gateway.does('POST', '/channels', { kind: 'email', host: '127.0.0.1', port, from: 'claviger@example.com' })
    const { token } = await does<Registered>('POST /auth/register', { email: 'mia@example.com' })
    await until(() => server.received.length === 1)
    const { to, text } = server.received[0] as Received
    assert.deepEqual(to, ['mia@example.com'])
    const [, code = ''] = /Your code is (\S+)/.exec(text) ?? []
    const proved = await does<Registered>('POST /auth/verify-email', { code }, token)
    assert.equal(proved.user.emailVerified, true)
    await gateway.does('DELETE', '/channels/email')
  })

  test('reserves no address: whoever proves it first has it, and five wrong codes end one', async () => {
    const squatter = await does<Registered>('POST /auth/register', { email: 'zed@example.com' })
    const owner = await does<Registered>('POST /auth/register', { email: 'zed@example.com' })
    const wrong = { code: '0000-0000' }
    for (let tries = 0; tries < 5; tries += 1)
      assert.deepEqual(refusedAs(await ask('POST /auth/verify-email', wrong, squatter.token)), [403, 'FORBIDDEN'])
    assert.equal((await ask('POST /auth/verify-email', wrong, squatter.token)).status, 401)
    const third = await does<Registered>('POST /auth/register', { email: 'zed@example.com' })
    const [thirdsCode] = [await codeFor(third.user.id)]
    const ownersCode = await codeFor(owner.user.id)
    assert.equal((await ask('POST /auth/verify-email', { code: thirdsCode }, owner.token)).status, 403)
    await does('POST /auth/verify-email', { code: ownersCode }, owner.token)
    assert.equal((await ask('POST /auth/verify-email', { code: thirdsCode }, third.token)).status, 401)
  })

  test('makes one member of sixteen who prove an address at once', async () => {
    const { token } = await does<Registered>('POST /auth/register', { email: 'race@example.com' })
    const code = await codeFor('race@example.com')
    const racers = Array.from({ length: 16 }, () => ask('POST /auth/verify-email', { code }, token))
    const answers = await Promise.all(racers)
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  })
})

describe('a member', () => {
  test('answers what their own agents ask, and sees nothing of others', async () => {
    const [mia, max] = [await member('mia@example.com'), await member('max@example.com')]
    const [mias, maxs] = [await agentOf(mia.session, 'mias'), await agentOf(max.session, 'maxs')]
    const [{ requestId: hers }, { requestId: his }] = [await mias.request(), await maxs.request()]
    const seen = await does<{ requests: { requestId: string; agent: object }[] }>(
      'GET /approval/pending',
      undefined,
      mia.session,
    )
    assert.deepEqual(
      seen.requests.map(({ requestId }) => requestId),
      [hers],
    )
    assert.match(JSON.stringify(seen.requests[0]?.agent), /"verified":false/)
    assert.deepEqual(refusedAs(await yes(mia.authenticator, his)), [403, 'PASSKEY_REQUIRED'])
    assert.deepEqual(refusedAs(await ask(`POST /approval/deny/${his}`, {}, mia.session)), [404, 'NOT_FOUND'])
    assert.equal((await yes(mia.authenticator, hers)).status, 200)
    const { status, token = '' } = await mias.status(hers)
    assert.equal(status, 'APPROVED')
    assert.equal((await mias.verify(token)).claims?.approver, 'mia@example.com')
    await does(`POST /approval/deny/${his}`, { reason: 'no' }, max.session)
    const { apiKeys } = await does<{ apiKeys: { id: string; agentId: string }[] }>(
      'GET /auth/api-keys',
      undefined,
      mia.session,
    )
    assert.deepEqual(
      apiKeys.map(({ agentId }) => agentId),
      ['mias'],
    )
    const [{ id } = { id: '' }] = apiKeys
    assert.deepEqual(refusedAs(await ask(`DELETE /auth/api-keys/${id}`, undefined, max.session)), [404, 'NOT_FOUND'])
    await does(`DELETE /auth/api-keys/${id}`, undefined, mia.session)
    assert.equal((await mias.ask('POST', '/approval/request', REQUEST)).status, 401)
  })

  test('has no agent of anybody else’s, and nobody has theirs by its name', async () => {
    const { session } = await member('kai@example.com')
    await gateway.does('POST', '/agents', { name: 'the-operators' })
    const taken = await ask('POST /auth/api-keys', { name: 'x', agentId: 'the-operators' }, session)
    assert.deepEqual(refusedAs(taken), [409, 'CONFLICT'])
    await agentOf(session, 'kais')
    const ann = await Person.enrolled(gateway, 'ann', 'owner')
    const annsSession = await signIn(ann.authenticator)
    const kais = await ask('POST /auth/api-keys', { name: 'x', agentId: 'kais' }, annsSession)
    assert.deepEqual(refusedAs(kais), [409, 'CONFLICT'])
    for (let at = 1; at < 10; at += 1) await agentOf(session, `kais-${at}`)
    const eleventh = await ask('POST /auth/api-keys', { name: 'x', agentId: 'kais-11' }, session)
    assert.deepEqual(refusedAs(eleventh), [409, 'CONFLICT'])
  })

  test('is no operator: not at their pages, by no token, at no endpoint, and never becomes one', async () => {
    const { authenticator, codes, session } = await member('eve@example.com')
    const person = new Person(gateway, { authenticator })
    assert.equal((await person.signsIn()).code, 'passkey_refused')
    assert.equal((await person.recovers(codes[0] as string)).code, 'passkey_refused')
    assert.equal(person.cookie, undefined)
    const document = JSON.parse(readFileSync(join(repository, 'docs', 'openapi.json'), 'utf8')) as {
      paths: Record<string, Record<string, { 'x-claviger-caller': string }>>
    }
    const port = Number(new URL(origin()).port)
    let tried = 0
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [verb, { 'x-claviger-caller': caller }] of Object.entries(item)) {
        if (caller !== 'operator' || path === '/claviger/v1/unseal') continue
        const headers = { host: new URL(origin()).host, authorization: `Bearer ${session}` }
        const reply = await send({ port, method: verb.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x'), headers })
        assert.ok(reply.status === 401 || reply.status === 415, `${verb} ${path} ${reply.status} ${reply.text()}`)
        tried += 1
      }
    }
    assert.ok(tried > 100, `${tried}`)
    const eve = encodeURIComponent('eve@example.com')
    for (const [method, path, body] of [
      ['PUT', `/operators/${eve}/role`, { role: 'owner' }],
      ['POST', `/operators/${eve}/tokens`, {}],
      ['POST', `/operators/${eve}/link`, undefined],
      ['DELETE', `/operators/${eve}`, undefined],
    ] as const)
      assert.equal((await gateway.operator(method, path, body)).code, 'operator_unknown', path)
    assert.ok(!(await gateway.operator('GET', '/operators')).text().includes('eve@'))
  })

  test('comes back by a recovery code, or by another invite of an operator, after a restart too', async () => {
    const { codes } = await member('ron@example.com')
    await gateway.restart()
    const recovered = await does<Registered>('POST /auth/recover', { email: 'Ron@example.com', recoveryCode: codes[0] })
    const made = await enrolled(recovered.token)
    const invite = await inviteFor('ron@example.com')
    const back = await does<Registered>('POST /auth/register', { email: 'ron@example.com', invite })
    assert.equal(back.user.id, recovered.user.id)
    const { session } = await enrolled(back.token)
    const { passkeys } = await does<{ passkeys: object[] }>('GET /passkey', undefined, session)
    assert.equal(passkeys.length, 3)
    assert.ok(made.session)
  })

  test('is removed with agents, keys and sessions, by the command line, and the address is free again', async () => {
    const { session, authenticator } = await member('leo@example.com')
    const leos = await agentOf(session, 'leos')
    const { requestId } = await leos.request()
    assert.match((await asOperator(gateway, 'clawgate person list')).stdout, /leo@example\.com\s+-\s+member\s+1\s+1/)
    await asOperator(gateway, 'clawgate person remove leo@example.com')
    assert.doesNotMatch((await asOperator(gateway, 'clawgate person list')).stdout, /leo@/)
    assert.equal((await ask('GET /auth/me', undefined, session)).status, 401)
    assert.equal((await leos.ask('GET', `/approval/status/${requestId}`)).status, 401)
    assert.deepEqual(refusedAs(await yes(authenticator, requestId)), [403, 'PASSKEY_REQUIRED'])
    const { stdout } = await asOperator(gateway, 'clawgate person invite leo@example.com')
    const again = await does<Registered>('POST /auth/register', { email: 'leo@example.com', invite: stdout.trim() })
    assert.equal(again.user.emailVerified, true)
    await does('POST /auth/register', { email: 'new@example.com' })
    assert.match(
      (await asOperator(gateway, 'clawgate person code new@example.com')).stdout,
      /^[0-9A-Z]{4}-[0-9A-Z]{4}\n$/,
    )
  })
})
