// Operators at their pages: links, passkeys, sessions, recovery, through real HTTP with an authenticator of our own.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { Gateway } from './instruments/gateway.ts'
import { linkFor, Person } from './instruments/person.ts'
import { send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

interface Listed {
  readonly items: readonly { readonly id: string; readonly current?: boolean; readonly operator: string }[]
}

interface Denied {
  readonly actor?: { readonly kind: string }
  readonly decision: { readonly reasons: readonly string[] }
  readonly ev?: Readonly<Record<string, string>>
}

describe('an operator at the operators’ pages', () => {
  let gateway: Gateway
  before(async () => {
    gateway = await Gateway.start({ env: { CLAVIGER_LIMIT_PEOPLE: 'off' } })
  })
  after(() => gateway[Symbol.asyncDispose]())

  test('enrols by a link that leads to the page and is good once', async () => {
    await gateway.does('POST', '/operators', { name: 'ann', role: 'owner' })
    const { link, token } = await linkFor(gateway, 'ann')
    assert.ok(link.startsWith(`${gateway.ready.operators}/enrol#clv_iv_`), link)
    const ann = new Person(gateway)
    const made = await ann.enrols(token)
    assert.equal(made.status, 201)
    const said = made.json() as { recoveryCodes: string[]; operator: { name: string }; thisMachineOnly: boolean }
    assert.equal(said.recoveryCodes.length, 10)
    assert.equal(said.thisMachineOnly, true)
    assert.equal(said.operator.name, 'ann')
    const cookie = made.headers['set-cookie']?.[0] ?? ''
    assert.match(cookie, /^__Host-clv=clv_os_\w+; Max-Age=86400; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
    assert.equal((await new Person(gateway).enrols(token)).status, 410)
    assert.equal((await ann.does<Listed>('GET', '/passkeys?operator=ann')).items.length, 1)
  })

  test('a newer link ends the older one, and nobody guesses one', async () => {
    await gateway.does('POST', '/operators', { name: 'bob', role: 'auditor' })
    const [old, young] = [await linkFor(gateway, 'bob'), await linkFor(gateway, 'bob')]
    assert.equal((await new Person(gateway).enrols(old.token)).code, 'link_used')
    assert.equal((await new Person(gateway).enrols(`${young.token.slice(0, -1)}x`)).code, 'link_unknown')
    const bob = new Person(gateway, { authenticator: new Authenticator({ algorithm: 'EdDSA' }) })
    assert.equal((await bob.enrols(young.token)).status, 201)
    assert.equal((await bob.signsIn()).status, 200)
  })

  test('signs in without saying who they are, and gets another session each time', async () => {
    const cara = await Person.enrolled(gateway, 'cara', 'approver')
    const first = cara.cookie
    assert.equal((await cara.signsIn()).status, 200)
    assert.notEqual(cara.cookie, first)
    const { items } = await cara.does<Listed>('GET', '/people/sessions')
    assert.equal(items.length, 1, 'the one that came with the sign-in ended')
    const session = await cara.does<{ operator: { name: string; role: string } }>('GET', '/people/session')
    assert.deepEqual({ name: session.operator.name, role: session.operator.role }, { name: 'cara', role: 'approver' })
    assert.equal((await cara.send('POST', '/agents', { name: 'never' })).code, 'role_refused')
  })

  test('a session is nothing without either of its halves, and over when it is signed out, ended, or the vault sealed', async () => {
    const dora = await Person.enrolled(gateway, 'dora', 'owner')
    const asks = (headers: Record<string, string | undefined>) => dora.send('GET', '/status', undefined, { headers })
    assert.equal((await asks({})).status, 200)
    assert.equal((await asks({ cookie: undefined })).status, 401)
    assert.equal((await asks({ 'claviger-csrf': undefined })).status, 401)
    assert.equal((await asks({ 'claviger-csrf': 'A'.repeat(43) })).status, 401)
    assert.equal((await asks({ cookie: `__Host-clv=${dora.cookie}; __Host-clv=${dora.cookie}` })).status, 401)
    const [cookie, csrf] = [`__Host-clv=${dora.cookie}`, dora.csrf]
    assert.equal((await dora.send('DELETE', '/people/session')).status, 200)
    assert.equal((await asks({ cookie, 'claviger-csrf': csrf })).status, 401)
    await dora.signsIn()
    const { items } = await gateway.does<Listed>('GET', '/people/sessions?operator=dora')
    await gateway.does('DELETE', `/people/sessions/${items[0]?.id}`)
    assert.equal((await asks({})).status, 401)
    await dora.signsIn()
    await gateway.does('POST', '/seal')
    await gateway.does('POST', '/unseal', { keyFile: true })
    assert.equal((await asks({})).status, 401)
    assert.equal((await dora.signsIn()).status, 200)
  })

  test('a change is refused unless our own page sends it, in JSON, with both halves', async () => {
    const eve = await Person.enrolled(gateway, 'eve', 'owner')
    const add = (headers: Record<string, string | undefined>, type?: string) =>
      eve.send('POST', '/agents', { name: 'by-eve' }, { headers, ...(type !== undefined && { type }) })
    const { port } = new URL(eve.origin)
    const refusals: [string, Record<string, string | undefined>, string?][] = [
      ['no origin', { origin: undefined }],
      ['another port', { origin: 'http://localhost:3000' }],
      ['another name', { origin: `http://evil.test:${port}` }],
      ['the address', { origin: `http://127.0.0.1:${port}` }],
      ['https', { origin: `https://localhost:${port}` }],
      ['null', { origin: 'null' }],
      ['upper case', { origin: `http://LOCALHOST:${port}` }],
      ['a slash', { origin: `${eve.origin}/` }],
      ['another site', { 'sec-fetch-site': 'cross-site' }],
      ['the same site', { 'sec-fetch-site': 'same-site' }],
      ['no cookie', { cookie: undefined }],
      ['no csrf token', { 'claviger-csrf': undefined }],
      ['a wrong csrf token', { 'claviger-csrf': 'x' }],
      ['another host', { host: `127.0.0.1:${port}` }],
      ['a charset', {}, 'application/json; charset=utf-8'],
      ['text', {}, 'text/plain'],
      ['a form', {}, 'application/x-www-form-urlencoded'],
    ]
    for (const [what, headers, type] of refusals) {
      const { status } = await add(headers, type)
      assert.ok([401, 403, 415].includes(status), `${what}: ${status}`)
    }
    assert.equal((await add({})).status, 201)
    const start = (headers: Record<string, string | undefined>) =>
      eve.send('POST', '/people/sign-in/start', undefined, { headers })
    for (const origin of [undefined, 'http://localhost:3000', `http://127.0.0.1:${port}`])
      assert.equal((await start({ origin })).code, 'origin_refused')
  })

  test('agents’ tokens open nothing there, and the agents’ listener knows none of it', async () => {
    await gateway.does('POST', '/agents', { name: 'robot' })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'robot' })
    const { port, host } = new URL(gateway.ready.operators as string)
    const at = (path: string, headers: Record<string, string>, where = Number(port)) =>
      send({ port: where, method: 'GET', path, headers: { host, ...headers } })
    assert.equal((await at('/claviger/v1/status', { authorization: `Bearer ${token}` })).code, 'caller_refused')
    assert.equal((await at('/claviger/v1/whoami', { authorization: `Bearer ${token}` })).status, 404)
    assert.equal(
      (await at('/to/demo/hello', { authorization: `Bearer ${token}` })).headers['content-type']?.includes('html'),
      true,
    )
    assert.equal((await at('/claviger/v1/status', { authorization: `Bearer ${gateway.operatorToken}` })).status, 200)
    assert.equal((await at('/claviger/v1/status', {})).status, 401)
    const agents = { host: `127.0.0.1:${gateway.port}` }
    for (const path of ['/claviger/v1/people/session', '/claviger/v1/operators', '/claviger/v1/passkeys'])
      assert.equal(
        (await at(path, { ...agents, authorization: `Bearer ${gateway.operatorToken}` }, gateway.port)).status,
        404,
      )
    const socket = await gateway.operator('POST', '/people/sign-in/start')
    assert.equal(socket.status, 404)
  })

  test('several passkeys: none twice, each by a fresh proof, removed with what it opened, the last one stays', async () => {
    const fay = await Person.enrolled(gateway, 'fay', 'approver')
    const second = new Authenticator({ synced: true })
    assert.equal((await fay.adds(second)).status, 201)
    assert.equal((await fay.adds(second)).code, 'passkey_exists')
    const other = new Person(gateway, { authenticator: second })
    assert.equal((await other.signsIn()).status, 200)
    const { items } = await fay.does<Listed>('GET', '/passkeys?operator=fay')
    assert.equal(items.length, 2)
    const [first, last] = items
    assert.equal((await fay.send('PUT', `/passkeys/${first?.id}`, { name: 'laptop' })).status, 200)
    assert.equal((await fay.send('DELETE', `/passkeys/${last?.id}`)).status, 200)
    assert.equal((await other.send('GET', '/people/session')).status, 401)
    assert.equal((await other.signsIn()).code, 'passkey_refused')
    assert.equal((await fay.send('DELETE', `/passkeys/${first?.id}`)).code, 'last_passkey')
    const guy = await Person.enrolled(gateway, 'guy', 'approver')
    assert.equal((await guy.send('DELETE', `/passkeys/${first?.id}`)).code, 'role_refused')
  })

  test('a recovery code is good once, for a session that may add a passkey and nothing else', async () => {
    const hal = await Person.enrolled(gateway, 'hal', 'owner')
    const code = hal.recoveryCodes[3] as string
    const again = new Person(gateway)
    assert.equal((await again.recovers('AAAAA-BBBBB-CCCCC-DDDDD')).code, 'recovery_code_invalid')
    assert.equal((await again.recovers(` ${code.toLowerCase().replaceAll('-', ' ')}`)).status, 200)
    assert.equal((await new Person(gateway).recovers(code)).code, 'recovery_code_invalid')
    assert.equal((await again.send('GET', '/status')).code, 'recovery_session')
    assert.equal((await again.send('POST', '/agents', { name: 'never' })).code, 'recovery_session')
    assert.equal((await again.adds(again.authenticator)).status, 201)
    assert.equal((await again.send('GET', '/people/session')).status, 401)
    assert.equal((await again.signsIn()).status, 200)
    const { recoveryCodes } = await again.does<{ recoveryCodes: string[] }>('POST', '/people/recovery-codes')
    assert.equal((await new Person(gateway).recovers(hal.recoveryCodes[5] as string)).code, 'recovery_code_invalid')
    assert.equal((await new Person(gateway).recovers(recoveryCodes[0] as string)).status, 200)
  })

  test('who is removed is signed out, and neither passkey nor code nor link lets them in again', async () => {
    const ivy = await Person.enrolled(gateway, 'ivy', 'owner')
    const { token } = await linkFor(gateway, 'ivy')
    await gateway.does('DELETE', '/operators/ivy')
    assert.equal((await ivy.send('GET', '/people/session')).status, 401)
    assert.equal((await ivy.signsIn()).code, 'passkey_refused')
    assert.equal((await ivy.recovers(ivy.recoveryCodes[0] as string)).code, 'recovery_code_invalid')
    assert.equal((await new Person(gateway).enrols(token)).code, 'operator_revoked')
  })

  test('after a restart passkeys and codes are good, and nobody is signed in', async () => {
    const jon = await Person.enrolled(gateway, 'jon', 'auditor')
    await gateway.restart()
    assert.equal((await jon.send('GET', '/people/session')).status, 401)
    assert.equal((await jon.signsIn()).status, 200)
    assert.equal((await new Person(gateway).recovers(jon.recoveryCodes[0] as string)).status, 200)
  })

  test('who is refused is on record: what failed, by which passkey, and nothing that a stranger wrote', async () => {
    const lea = await Person.enrolled(gateway, 'lea', 'approver')
    const stranger = new Person(gateway, { authenticator: new Authenticator() })
    assert.equal((await stranger.signsIn()).code, 'passkey_refused')
    assert.equal((await lea.signsIn({ origin: 'https://evil.test' })).code, 'passkey_refused')
    assert.equal((await stranger.recovers('AAAAA-BBBBB-CCCCC-DDDDD')).code, 'recovery_code_invalid')
    assert.equal((await stranger.enrols('clv_iv_nothing')).code, 'link_unknown')
    const told = async () => {
      const { items } = await gateway.does<{ items: Denied[] }>('GET', '/audit/records?type=deny&limit=100')
      return items.filter(({ ev }) => ev?.what === 'operator.refused')
    }
    const wanted = [
      ['passkey_refused', 'sign-in', 'credential', undefined],
      ['passkey_refused', 'sign-in', 'origin', 'operator'],
      ['recovery_code_invalid', 'recover', undefined, undefined],
      ['link_unknown', 'enrol', undefined, undefined],
    ].map((line) => JSON.stringify(line))
    // They ride with the next group of records.
    await until(async () => {
      const lines = (await told()).map(({ decision, actor, ev }) =>
        JSON.stringify([decision.reasons[0], ev?.how, ev?.check, actor?.kind]),
      )
      return wanted.every((line) => lines.includes(line))
    })
    const all = JSON.stringify(await told())
    for (const secret of ['AAAAA', 'evil', stranger.authenticator.id]) assert.ok(!all.includes(secret))
  })

  test('an address may try so often, and is told when to come back', async () => {
    await gateway.restart({ CLAVIGER_LIMIT_PEOPLE: '3/h' })
    const kim = new Person(gateway)
    for (let at = 0; at < 3; at += 1) assert.equal((await kim.recovers('nothing')).code, 'recovery_code_invalid')
    const refused = await kim.recovers('nothing')
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    assert.equal((await kim.send('POST', '/people/sign-in/start')).status, 429)
  })
})
