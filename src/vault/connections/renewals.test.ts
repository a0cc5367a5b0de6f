import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { until } from '../../../test/instruments/wait.ts'
import { operator } from '../vault.support.ts'
import type { Vault } from '../vault.ts'
import { type ConnectionRoom, connectionRoom } from './connections.support.ts'

const HOUR_MS = 3_600_000

describe('renewals', () => {
  let room: ConnectionRoom
  let vault: Vault
  let close: () => Promise<void>

  before(async () => {
    room = await connectionRoom()
    const opened = await room.open()
    vault = opened.vault
    close = () => opened.storage.close()
  })
  after(() => room[Symbol.asyncDispose]())
  beforeEach(async () => {
    room.endpoint.requests.length = 0
    room.endpoint.instead = undefined
    room.endpoint.delayMs = 0
    if (vault.find('account') !== undefined) await vault.remove('account', operator)
  })

  const token = async () => (await room.use(vault))?.value.reveal().toString()

  test('a token that is good for a while is opened as it is, without a request', async () => {
    const set = room.endpoint.issue()
    await room.connect(vault, set)
    const permit = room.permitFor(vault.find('account')?.id)
    assert.equal(vault.prepare(permit), undefined)
    assert.equal(vault.open(permit)?.value.reveal().toString(), set.accessToken)
    assert.equal(room.endpoint.requests.length, 0)
  })

  test('a token that ends within a minute is renewed first, and the new refresh token is used the next time', async () => {
    const set = room.endpoint.issue(30)
    await room.connect(vault, set)
    const second = await token()
    assert.notEqual(second, set.accessToken)
    assert.ok(room.endpoint.knows(second ?? ''))
    room.clock.advance(HOUR_MS)
    const third = await token()
    assert.notEqual(third, second)
    assert.deepEqual(
      room.endpoint.requests.map(({ grant_type }) => grant_type),
      ['refresh_token', 'refresh_token'],
    )
    assert.equal(room.endpoint.requests[0]?.refresh_token, set.refreshToken)
    assert.notEqual(room.endpoint.requests[1]?.refresh_token, set.refreshToken)
  })

  test('an opened token brings along what answers must not hold: the refresh token, the secret, what was before', async () => {
    const set = room.endpoint.issue(30)
    await room.connect(vault, set)
    const opened = await room.use(vault)
    const others = opened?.others?.map((other) => other.reveal().toString()) ?? []
    for (const old of [set.accessToken, set.refreshToken, set.clientSecret]) assert.ok(others.includes(old))
    assert.equal(others.length, 4)
  })

  test('50 calls at the end of a token make one refresh', async () => {
    await room.connect(vault, room.endpoint.issue(30))
    room.endpoint.delayMs = 20
    const tokens = await Promise.all(Array.from({ length: 50 }, token))
    assert.equal(new Set(tokens).size, 1)
    assert.equal(room.endpoint.requests.length, 1)
  })

  test('50 refusals by the service make one refresh, those that come late none', async () => {
    await room.connect(vault, room.endpoint.issue())
    const opened = await room.use(vault)
    assert.ok(opened)
    room.endpoint.delayMs = 20
    const renewed = await Promise.all(
      Array.from({ length: 50 }, (_, i) => vault.renewAfterRefusal(opened, `call_${i}`)),
    )
    assert.deepEqual(new Set(renewed), new Set([true]))
    assert.equal(await vault.renewAfterRefusal(opened, 'call_late'), true)
    assert.equal(room.endpoint.requests.length, 1)
  })

  test('a service that refuses every token has three renewed in a minute, not more', async () => {
    await room.connect(vault, room.endpoint.issue())
    const answers: boolean[] = []
    for (let i = 0; i < 5; i += 1) {
      const opened = await room.use(vault)
      answers.push(await vault.renewAfterRefusal(opened as NonNullable<typeof opened>, 'call_1'))
    }
    assert.deepEqual(answers, [true, true, true, false, false])
    room.clock.advance(60_000)
    const opened = await room.use(vault)
    assert.equal(await vault.renewAfterRefusal(opened as NonNullable<typeof opened>, 'call_1'), true)
  })

  test('what the provider refuses marks the connection, and no call goes out with it', async () => {
    const view = await room.connect(vault, room.endpoint.issue(30))
    room.endpoint.instead = { status: 400, body: { error: 'invalid_grant' } }
    await assert.rejects(token(), { code: 'credential_needs_reauth' })
    assert.equal(vault.find('account')?.status, 'needs_reauth')
    assert.equal(vault.find('account')?.connection?.needsReauth, 'invalid_grant')
    assert.equal(vault.stateOf(view.id).facts, 'needs_reauth')
    assert.throws(() => vault.open(room.permitFor(view.id)), { code: 'credential_needs_reauth' })
    assert.equal(room.endpoint.requests.length, 1)
    room.endpoint.instead = undefined
    const set = room.endpoint.issue()
    const again = await room.connect(vault, set, { replace: true })
    assert.deepEqual([again.id, again.version, again.status], [view.id, 2, 'active'])
    assert.equal(await token(), set.accessToken)
  })

  test('a failure that may pass leaves the token in use to its end, and is tried again after a pause', async () => {
    const set = room.endpoint.issue(30)
    await room.connect(vault, set)
    room.endpoint.instead = { status: 503, body: 'out of order' }
    assert.equal(await token(), set.accessToken)
    assert.equal(await token(), set.accessToken)
    assert.equal(room.endpoint.requests.length, 1)
    room.clock.advance(31_000)
    await assert.rejects(token(), {
      code: 'credential_refresh_failed',
      facts: { reason: 'http_503', retryAfterSeconds: 2 },
    })
    await assert.rejects(token(), { code: 'credential_refresh_failed' })
    assert.equal(room.endpoint.requests.length, 2)
    room.endpoint.instead = undefined
    room.clock.advance(2_000)
    assert.ok(room.endpoint.knows((await token()) ?? ''))
    assert.equal(vault.find('account')?.status, 'active')
  })

  for (const [what, body] of [
    ['no token', { token_type: 'Bearer' }],
    ['a token that no request can carry', { access_token: 'two\r\nlines-of-it', token_type: 'Bearer' }],
    ['no JSON', '<html>'],
  ] as const) {
    test(`an answer with ${what} is no new token, and does not lose the old one`, async () => {
      const set = room.endpoint.issue(30)
      await room.connect(vault, set)
      room.endpoint.instead = { status: 200, body }
      assert.equal(await token(), set.accessToken)
      assert.equal(vault.find('account')?.status, 'active')
    })
  }

  for (const [what, url] of [
    ['plain http', 'http://127.0.0.1:1/token'],
    ['a foreign host', 'https://tokens.attacker.example/token'],
    ['a user in front of the host', 'https://api.example.com@attacker.example/token'],
  ] as const) {
    test(`a token endpoint by ${what} is refused when it is registered`, async () => {
      const set = { ...room.endpoint.issue(), tokenUrl: url }
      await assert.rejects(room.connect(vault, set), { code: 'token_url_refused' })
    })
  }

  test('a token endpoint that the service has no more is not asked', async () => {
    await room.connect(vault, room.endpoint.issue(-1))
    const places = room.places.now
    room.places.now = { ...places, origins: [] }
    await assert.rejects(token(), {
      code: 'credential_refresh_failed',
      facts: { reason: 'token_url_refused', retryAfterSeconds: 1 },
    })
    room.places.now = places
    assert.equal(room.endpoint.requests.length, 0)
  })

  test('what came while the vault was sealed is there after it was opened', async () => {
    const set = room.endpoint.issue(30)
    await room.connect(vault, set)
    room.endpoint.delayMs = 50
    const failed = assert.rejects(token(), { code: 'vault_sealed' })
    await until(() => room.endpoint.requests.length > 0)
    vault.seal('operator')
    await failed
    await vault.unseal({ keyFile: room.keyFile })
    await vault.load()
    const next = await token()
    assert.ok(room.endpoint.knows(next ?? ''))
    assert.notEqual(next, set.accessToken)
    assert.equal(room.endpoint.requests.length, 1)
  })

  test('a connection is not rotated by hand, and a secret is not replaced by a connection', async () => {
    await room.connect(vault, room.endpoint.issue())
    const { Secret } = await import('../../ground/secret.ts')
    const secret = Secret.fromText('another-secret')
    await assert.rejects(vault.rotate('account', { secret }, operator), { code: 'credential_is_connection' })
    await assert.rejects(vault.renew('nobody'), { code: 'credential_unknown' })
  })

  test('two processes with the same database make one refresh, and both use what it gave', async () => {
    const set = room.endpoint.issue(30)
    await room.connect(vault, set)
    const second = await room.open()
    room.endpoint.delayMs = 60
    const [one, two] = await Promise.all([token(), room.use(second.vault)])
    assert.equal(room.endpoint.requests.length, 1)
    assert.equal(two?.value.reveal().toString(), one)
    assert.notEqual(one, set.accessToken)
    const refused = await Promise.all([room.use(vault), room.use(second.vault)])
    const each = [vault, second.vault].flatMap((one, i) =>
      Array.from({ length: 50 }, () => one.renewAfterRefusal(refused[i] as NonNullable<(typeof refused)[0]>, 'call_1')),
    )
    assert.deepEqual(new Set(await Promise.all(each)), new Set([true]))
    assert.equal(room.endpoint.requests.length, 2)
    const [third, fourth] = [await token(), await room.use(second.vault)]
    assert.equal(fourth?.value.reveal().toString(), third)
    await second.storage.close()
    await close()
  })
})
