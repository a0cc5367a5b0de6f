import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { believed, by, DAY_MS, MINUTE_MS, sign, TestSigning } from './signing.support.ts'

let room: TestSigning
beforeEach(async () => {
  room = await new TestSigning().start()
})
afterEach(() => room.end())

describe('settle()', () => {
  test('makes a key that signs and the one after it, listed and in order', async () => {
    assert.deepEqual(room.statuses(), ['active vault', 'next vault'])
    assert.deepEqual(room.records, ['key.signing_added', 'key.signing_added'])
    const { keys } = room.keys.jwks()
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      [room.kidOf('active'), room.kidOf('next')],
    )
    for (const { kid, ...jwk } of keys) {
      assert.deepEqual(Object.keys(jwk).sort(), ['alg', 'crv', 'kty', 'use', 'x', 'y'])
      assert.equal(kid, await calculateJwkThumbprint(jwk))
      assert.equal(kid.startsWith('-'), false)
    }
    assert.deepEqual(JSON.parse(room.keys.jwksBytes().toString()), { keys })
    assert.equal(room.keys.jwksBytes(), room.keys.jwksBytes())
  })

  test('changes nothing the second time, nor after a restart', async () => {
    const before = room.keys.list()
    await room.keys.settle()
    await room.restart()
    assert.deepEqual(room.keys.list(), before)
  })

  test('rotates after 30 days, ends the old key when no token of it can live, and keeps no private half of it', async () => {
    const [first, second] = [room.kidOf('active'), room.kidOf('next')]
    room.clock.advance(30 * DAY_MS - 1)
    await room.keys.settle()
    assert.equal(room.kidOf('active'), first)
    room.clock.advance(1)
    await room.keys.settle()
    assert.equal(room.kidOf('active'), second)
    assert.equal(room.kidOf('retiring'), first)
    assert.deepEqual(room.statuses(), ['active vault', 'next vault', 'retiring vault'])
    room.clock.advance(12 * MINUTE_MS - 1)
    await room.keys.settle()
    assert.equal(room.keys.find(first ?? '')?.status, 'retiring')
    room.clock.advance(1)
    await room.keys.settle()
    assert.equal(room.keys.find(first ?? ''), undefined)
    assert.equal(room.keys.list().find(({ kid }) => kid === first)?.reason, 'retired')
    const rows = room.database.look('select id, sealed from signing_keys where status in (?, ?)', 'retiring', 'revoked')
    assert.deepEqual({ ...rows[0] }, { id: first, sealed: null })
    assert.equal(rows.length, 1)
  })

  test('goes on with a rotation that was due while nothing ran', async () => {
    const next = room.kidOf('next')
    await room.restart(() => room.clock.advance(45 * DAY_MS))
    assert.equal(room.kidOf('active'), next)
    room.clock.advance(12 * MINUTE_MS)
    await room.restart()
    assert.deepEqual(room.statuses(), ['active vault', 'next vault'])
  })

  test('covers the longest life that was configured while the key signed, also when it was shortened since', async () => {
    room.changes = { longestTokenLifeMs: 60 * MINUTE_MS }
    await room.restart()
    room.changes = {}
    await room.restart()
    await room.keys.rotate(by).catch(() => {})
    room.clock.advance(3 * MINUTE_MS)
    const first = room.kidOf('active') ?? ''
    await room.keys.rotate(by)
    room.clock.advance(62 * MINUTE_MS - 1)
    await room.keys.settle()
    assert.equal(room.keys.find(first)?.status, 'retiring')
    room.clock.advance(1)
    await room.keys.settle()
    assert.equal(room.keys.find(first), undefined)
  })

  test('is not stopped by a clock that jumped into the future and came back', async () => {
    room.clock.advance(MINUTE_MS)
    const now = room.clock.now()
    const first = room.kidOf('active')
    room.clock.jumpTo(now + 3_650 * DAY_MS)
    await room.keys.settle()
    room.clock.jumpTo(now)
    const wrong = room.kidOf('active')
    assert.notEqual(wrong, first)
    room.clock.advance(MINUTE_MS)
    await room.keys.settle()
    assert.notEqual(room.kidOf('active'), wrong)
  })
})

describe('active()', () => {
  test('signs what others verify with the key set, and knows nothing while sealed', async () => {
    const token = await sign(room.keys, { sub: 'agent_1' })
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(room.keys.jwks() as never), {
      algorithms: ['ES256'],
      typ: 'at+jwt',
    })
    assert.equal(payload.sub, 'agent_1')
    assert.equal(protectedHeader.kid, room.kidOf('active'))
    assert.equal(room.keys.active(), room.keys.active())
    const kid = room.kidOf('active') ?? ''
    room.keys.clear()
    for (const ask of ['active', 'jwks', 'jwksBytes', 'list'] as const)
      assert.throws(() => room.keys[ask](), { code: 'vault_sealed' })
    assert.equal(room.keys.find(kid), undefined)
    await assert.rejects(room.keys.rotate(by), { code: 'vault_sealed' })
    await assert.rejects(room.keys.revoke(kid, by), { code: 'vault_sealed' })
    await room.keys.settle()
    await room.keys.load()
    assert.equal(believed(room.keys, token), true)
  })

  test('has no key before the first settle()', async () => {
    await using stack = new AsyncDisposableStack()
    const other = new TestSigning()
    stack.defer(() => other.end())
    await other.start({ settled: false })
    assert.throws(() => other.keys.active(), { code: 'signing_key_missing', status: 503 })
    assert.deepEqual(other.keys.jwks(), { keys: [] })
  })
})

describe('rotate()', () => {
  test('waits until the next key was listed for a minute, whatever the wall clock says', async () => {
    await assert.rejects(room.keys.rotate(by), { code: 'signing_key_too_new', facts: { retryAfterSeconds: 60 } })
    room.clock.jumpTo(room.clock.now() + DAY_MS)
    await assert.rejects(room.keys.rotate(by), { code: 'signing_key_too_new', facts: { retryAfterSeconds: 60 } })
    room.clock.advance(MINUTE_MS - 1)
    await assert.rejects(room.keys.rotate(by), { code: 'signing_key_too_new', facts: { retryAfterSeconds: 1 } })
    room.clock.advance(1)
    const next = room.kidOf('next')
    await room.keys.rotate(by)
    assert.equal(room.kidOf('active'), next)
    await assert.rejects(room.keys.rotate(by), { code: 'signing_key_too_new' })
  })

  test('after a restart takes a key that was listed long ago at once, and waits for a younger one', async () => {
    room.clock.advance(MINUTE_MS)
    await room.restart()
    await assert.rejects(room.keys.rotate(by), { code: 'signing_key_too_new' })
    room.clock.advance(MINUTE_MS)
    await room.restart()
    await room.keys.rotate(by)
  })

  test('once, when many ask at once', async () => {
    room.clock.advance(MINUTE_MS)
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => room.keys.rotate(by)))
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.deepEqual(room.statuses(), ['active vault', 'next vault', 'retiring vault'])
  })

  test('keeps what was signed good', async () => {
    const token = await sign(room.keys)
    room.clock.advance(MINUTE_MS)
    await room.keys.rotate(by)
    assert.equal(believed(room.keys, token), true)
    assert.equal(believed(room.keys, await sign(room.keys)), true)
  })

  test('in an emergency revokes every key at once, and others sign', async () => {
    room.clock.advance(MINUTE_MS)
    const old = await sign(room.keys)
    await room.keys.rotate(by)
    const young = await sign(room.keys)
    const kids = room.keys.jwks().keys.map(({ kid }) => kid)
    assert.equal(kids.length, 3)
    await room.keys.rotate(by, { emergency: true })
    for (const token of [old, young]) assert.equal(believed(room.keys, token), false)
    for (const kid of kids) assert.equal(room.keys.find(kid), undefined)
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    assert.deepEqual(room.statuses(), ['active vault', 'next vault'])
    await room.restart()
    assert.equal(believed(room.keys, old), false)
    assert.equal(room.database.look('select id from signing_keys where sealed is not null').length, 2)
  })
})

describe('revoke()', () => {
  test('ends what an active key signed, and the next one signs at once', async () => {
    const token = await sign(room.keys)
    const [active, next] = [room.kidOf('active') ?? '', room.kidOf('next')]
    await room.keys.revoke(active, by)
    assert.equal(believed(room.keys, token), false)
    assert.equal(room.keys.active().kid, next)
    assert.deepEqual(room.statuses(), ['active vault', 'next vault'])
    await room.keys.revoke(active, by)
    await room.restart()
    assert.equal(believed(room.keys, token), false)
  })

  test('of a next or a retiring key leaves the active one', async () => {
    room.clock.advance(MINUTE_MS)
    await room.keys.rotate(by)
    const active = room.kidOf('active')
    for (const status of ['next', 'retiring'] as const) await room.keys.revoke(room.kidOf(status) ?? '', by)
    assert.equal(room.kidOf('active'), active)
    assert.deepEqual(room.statuses(), ['active vault', 'next vault'])
  })

  test('of a key that is not there is refused', async () => {
    await assert.rejects(room.keys.revoke('nothing', by), { code: 'signing_key_unknown' })
  })
})

describe('load()', () => {
  const planted: readonly (readonly [string, string])[] = [
    ['status', "update signing_keys set status = 'retiring' where status = 'active'"],
    ['public key', "update signing_keys set spki = (select spki from signing_keys where status = 'next')"],
    ['end', "update signing_keys set ends_at = 99999999999999 where status = 'active'"],
    ['sealed key', "update signing_keys set sealed = randomblob(length(sealed)) where status = 'active'"],
  ]
  for (const [what, sql] of planted) {
    test(`believes no row whose ${what} was edited, and goes on with what is left`, async () => {
      const token = await sign(room.keys)
      const active = room.kidOf('active') ?? ''
      room.keys.clear()
      await room.storage.close()
      room.database.edit(sql)
      await room.start({ settled: false })
      const { bad } = await room.keys.load()
      assert.equal(bad.includes(active), true)
      await room.keys.settle()
      assert.equal(believed(room.keys, token), false)
      assert.equal(believed(room.keys, await sign(room.keys)), true)
      assert.notEqual(room.kidOf('active'), active)
    })
  }

  test('of a home with another root key opens no key, says so once and makes others', async () => {
    const other = new TestSigning()
    Object.assign(other, { database: room.database, clock: room.clock })
    const token = await sign(room.keys)
    room.keys.clear()
    await room.storage.close()
    await other.start()
    assert.deepEqual(other.troubles.map((error) => (error as { code?: string }).code).slice(0, 1), ['room_key_damaged'])
    assert.equal(believed(other.keys, token), true)
    assert.throws(() => other.keys.active(), { code: 'signing_key_missing' })
    other.clock.advance(MINUTE_MS)
    await other.keys.settle()
    assert.equal(believed(other.keys, await sign(other.keys)), true)
    await other.keys.close()
    await other.storage.close()
    await room.start()
  })

  test('lays only ciphertext down', () => {
    const bytes = room.database.look('select sealed, spki from signing_keys')
    for (const { sealed, spki } of bytes) {
      const point = createPublicKey({ key: Buffer.from(spki as Uint8Array), format: 'der', type: 'spki' })
      assert.equal(point.asymmetricKeyType, 'ec')
      assert.equal(Buffer.from(sealed as Uint8Array).includes(Buffer.from('2a8648ce3d0301', 'hex')), false)
    }
    assert.equal(bytes.length, 2)
  })
})
