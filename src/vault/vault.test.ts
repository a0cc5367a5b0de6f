import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ServiceId } from '../ground/ids.ts'
import { Secret } from '../ground/secret.ts'
import { createMint } from '../policy/mint.ts'
import type { PermitFields } from '../policy/permit.ts'
import type { Storage } from '../storage/storage.ts'
import { credential, operator, origins, service, testVault } from './vault.support.ts'
import type { Vault } from './vault.ts'

const room = testVault()
let vault: Vault
let storage: Storage
before(async () => {
  ;({ vault, storage } = await room.open())
})
after(() => room.remove())

let count = 0
const fresh = () => `key-${++count}`
const store = (text = 'sk-test-0123456789', changes = {}) => vault.store(credential(fresh(), text, changes), operator)

describe('store()', () => {
  test('gives a view without the secret, and the secret to whoever has a permit', async () => {
    const view = await store('sk-test-0123456789', { meta: { owner: 'billing', 'env.name': 'prod' } })
    assert.deepEqual(view, {
      id: view.id,
      handle: `key-${count}`,
      service,
      version: 1,
      meta: { owner: 'billing', 'env.name': 'prod' },
      createdAt: room.clock.now(),
      status: 'active',
    })
    assert.deepEqual(vault.find(view.handle), view)
    assert.deepEqual(vault.find(view.id), view)
    assert.ok(vault.list().some((each) => each.id === view.id))
    assert.equal(room.reveal(vault, view), 'sk-test-0123456789')
  })

  const bad: readonly (readonly [string, Parameters<typeof credential>[2] & { text?: string }, string])[] = [
    ['an empty handle', { handle: '' }, 'handle_invalid'],
    ['a handle with a space', { handle: 'a b' }, 'handle_invalid'],
    ['a handle with a slash', { handle: 'a/b' }, 'handle_invalid'],
    ['a handle that looks like an id', { handle: 'crd_abc' }, 'handle_invalid'],
    ['a handle of 65 characters', { handle: 'a'.repeat(65) }, 'handle_invalid'],
    ['a handle that ends in a dot', { handle: 'a.' }, 'handle_invalid'],
    ['a handle with a line break', { handle: 'key\n' }, 'handle_invalid'],
    ['a secret of 7 bytes', { text: '1234567' }, 'secret_too_short'],
    ['a secret of 65,537 bytes', { text: 'x'.repeat(65_537) }, 'secret_too_long'],
    ['a placeholder', { text: 'sk-cfadebcafd0123456789' }, 'secret_is_placeholder'],
    ['metadata with a bad name', { meta: { 'a b': 'x' } }, 'metadata_invalid'],
    ['metadata with a long value', { meta: { a: 'x'.repeat(513) } }, 'metadata_invalid'],
    ['metadata that is not well-formed', { meta: { a: '\ud800' } }, 'metadata_invalid'],
    [
      'too much metadata',
      { meta: Object.fromEntries([...Array(33).keys()].map((i) => [`k${i}`, 'v'])) },
      'metadata_invalid',
    ],
    ['metadata that holds the secret', { meta: { note: 'it is sk-test-0123456789!' } }, 'metadata_holds_secret'],
    ['an expiry that has passed', { expiresAt: room.clock.now() }, 'expiry_past'],
  ]
  for (const [what, { text, ...changes }, code] of bad) {
    test(`refuses ${what}`, () => assert.rejects(store(text, changes), { code }))
  }

  // THREATS B-03
  const unsafe = [
    'a-secret\r\nX: y',
    'a-secret\nX: y',
    'a-secret\rX: y',
    'a-secret\0',
    'a-secret\u007f',
    'a-secret-\u010d\u010a',
    'café-café-café',
    'a-secret\u2028',
    'a-secret\n',
    ' a-secret',
    'a-secret\t',
  ]
  for (const text of unsafe) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.rejects(store(text), { code: 'credential_not_header_safe' }))
  }

  test('takes the limits themselves, tabs and spaces inside', async () => {
    for (const text of ['12345678', 'x'.repeat(65_536), 'a\tb c~!d'])
      assert.equal(room.reveal(vault, await store(text)), text)
  })

  test('refuses a handle that is taken, also twice in one turn', async () => {
    const first = await store()
    await assert.rejects(vault.store(credential(first.handle, 'another-secret'), operator), { code: 'handle_taken' })
    const handle = fresh()
    const both = await Promise.allSettled(
      ['a', 'b'].map((each) => vault.store(credential(handle, each.repeat(9)), operator)),
    )
    assert.deepEqual(both.map((each) => each.status).sort(), ['fulfilled', 'rejected'])
  })
})

describe('assign()', () => {
  const other = 'srv_2' as typeof service
  const there = ['https://api.example.org:443']
  const call = { rid: 'call_1', agent: 'agent_1', token: 'tok_1', service: other, serviceName: 'other', method: 'GET' }
  const openedThere = (id: string) =>
    vault
      .open(room.permitFor(id, { origins: there, call } as never))
      ?.value.reveal()
      .toString()

  test('gives a secret to another service, and takes it from the first', async () => {
    const view = await store('moved-secret')
    const moved = await vault.assign(view.handle, { service: other, origins: there }, operator)
    assert.deepEqual([moved.id, moved.service, moved.version], [view.id, other, 1])
    assert.throws(() => room.reveal(vault, view), { code: 'credential_unknown' })
    assert.equal(openedThere(view.id), 'moved-secret')
  })

  test('copies it under a new handle', async () => {
    const view = await store('copied-secret')
    const handle = fresh()
    const copy = await vault.assign(view.id, { service: other, origins: there, handle }, operator)
    assert.notEqual(copy.id, view.id)
    assert.equal(room.reveal(vault, view), 'copied-secret')
    assert.equal(openedThere(copy.id), 'copied-secret')
    const again = vault.assign(view.id, { service: other, origins: there, handle }, operator)
    await assert.rejects(again, { code: 'handle_taken' })
  })

  test('leaves nothing where the transaction that it is part of fails', async () => {
    const handle = fresh()
    const both = storage.write(async (tx) => {
      await vault.store(credential(handle, 'half-a-write'), operator, tx)
      throw new Error('the other half')
    })
    await assert.rejects(both, /the other half/)
    assert.equal(vault.find(handle), undefined)
    assert.equal((await store('whole-secret', { handle } as never)).handle, handle)
  })
})

describe('rotate()', () => {
  test('makes a new version, erases the old secret, and is seen at once', async () => {
    const view = await store('first-secret')
    const old = vault.open(room.permitFor(view.id))
    room.clock.advance(5)
    const next = await vault.rotate(view.handle, { secret: Secret.fromText('second-secret') }, operator)
    assert.deepEqual([next.version, next.rotatedAt, next.id], [2, room.clock.now(), view.id])
    assert.equal(room.reveal(vault, next), 'second-secret')
    assert.deepEqual(old?.value.reveal(), Buffer.alloc('first-secret'.length))
    const [newest, first] = await vault.versions(view.handle)
    assert.deepEqual(newest, { version: 2, createdAt: room.clock.now() })
    assert.deepEqual(first, { version: 1, createdAt: view.createdAt, retiredAt: room.clock.now() })
    const [row] = room.database.look('SELECT envelope FROM credential_versions WHERE id = ?', `${view.id}.1`)
    assert.equal(row?.envelope, null)
  })

  test('renews the life that the credential was given', async () => {
    const view = await store('first-secret', { expiresAt: room.clock.now() + 1_000 })
    room.clock.advance(600)
    const next = await vault.rotate(view.id, { secret: Secret.fromText('second-secret') }, operator)
    assert.equal(next.expiresAt, room.clock.now() + 1_000)
    const last = await vault.rotate(
      view.id,
      { secret: Secret.fromText('third-secret'), expiresAt: room.clock.now() + 7 },
      operator,
    )
    assert.equal(last.expiresAt, room.clock.now() + 7)
  })

  test('refuses what store() refuses, and a credential that is not there', async () => {
    const view = await store('first-secret', { meta: { a: 'second-secret' } })
    const rotate = (text: string, name = view.handle) => vault.rotate(name, { secret: Secret.fromText(text) }, operator)
    await assert.rejects(rotate('short'), { code: 'secret_too_short' })
    await assert.rejects(rotate('line\nbreak'), { code: 'credential_not_header_safe' })
    await assert.rejects(rotate('second-secret'), { code: 'metadata_holds_secret' })
    await assert.rejects(rotate('second-secret', 'nobody'), { code: 'credential_unknown' })
    assert.equal(vault.find(view.id)?.version, 1)
  })
})

describe('remove()', () => {
  test('takes the credential, its versions and what was open', async () => {
    const view = await store('first-secret')
    const held = vault.open(room.permitFor(view.id))
    await vault.rotate(view.id, { secret: Secret.fromText('second-secret') }, operator)
    await vault.remove(view.handle, operator)
    assert.equal(vault.find(view.id), undefined)
    assert.throws(() => vault.open(room.permitFor(view.id)), { code: 'credential_unknown' })
    assert.deepEqual(held?.value.reveal(), Buffer.alloc(12))
    assert.deepEqual(room.database.look('SELECT id FROM credential_versions WHERE credential = ?', view.id), [])
    await assert.rejects(vault.remove(view.handle, operator), { code: 'credential_unknown' })
    await vault.store(credential(view.handle, 'the-handle-is-free'), operator)
  })
})

describe('open()', () => {
  test('takes a permit once, and nothing that was not minted', async () => {
    const view = await store()
    const permit = room.permitFor(view.id)
    vault.open(permit)
    const foreign = createMint().mint({ ...permit } as PermitFields)
    for (const refused of [permit, { ...permit }, foreign, undefined, {}]) {
      assert.throws(() => vault.open(refused as typeof permit), { code: 'permit_refused' })
    }
  })

  test('gives nothing for a call without a credential, and uses its permit up', () => {
    const permit = room.permitFor(undefined)
    assert.equal(vault.open(permit), undefined)
    assert.throws(() => vault.open(permit), { code: 'permit_refused' })
  })

  test('refuses a credential of another service, one that is unknown, and other origins', async () => {
    const view = await store()
    const other = { ...room.permitFor(view.id).call, service: 'srv_2' as ServiceId }
    assert.throws(() => vault.open(room.permitFor(view.id, { call: other })), { code: 'credential_unknown' })
    assert.throws(() => vault.open(room.permitFor('crd_none')), { code: 'credential_unknown' })
    for (const changed of [
      ['https://evil.example:443'],
      [...origins, 'https://evil.example:443'],
      origins.slice(1),
      [],
    ]) {
      assert.throws(() => vault.open(room.permitFor(view.id, { origins: changed })), {
        code: 'credential_origins_changed',
      })
    }
    assert.equal(room.reveal(vault, view), 'sk-test-0123456789')
  })

  test('does not mind the order of the origins', async () => {
    const view = await store()
    assert.ok(vault.open(room.permitFor(view.id, { origins: [...origins].reverse() })))
  })

  test('refuses a credential from the moment it expires', async () => {
    const view = await store('short-lived-secret', { expiresAt: room.clock.now() + 100 })
    const held = vault.open(room.permitFor(view.id))
    room.clock.advance(99)
    assert.equal(room.reveal(vault, view), 'short-lived-secret')
    assert.deepEqual(vault.stateOf(view.id), { facts: 'usable', version: 1 })
    room.clock.advance(1)
    assert.throws(() => vault.open(room.permitFor(view.id)), { code: 'credential_expired' })
    assert.equal(vault.find(view.id)?.status, 'expired')
    assert.deepEqual(vault.stateOf(view.id), { facts: 'expired', version: 1 })
    assert.deepEqual(held?.value.reveal(), Buffer.alloc(18))
  })

  test('gives the same object while it is in use, and another one a minute after', async () => {
    const view = await store()
    const first = vault.open(room.permitFor(view.id))
    for (let i = 0; i < 5; i += 1) {
      room.clock.advance(50_000)
      assert.equal(vault.open(room.permitFor(view.id)), first)
    }
    room.clock.advance(60_000)
    const second = vault.open(room.permitFor(view.id))
    assert.notEqual(second, first)
    assert.deepEqual(first?.value.reveal(), Buffer.alloc(18))
    assert.equal(second?.value.reveal().toString(), 'sk-test-0123456789')
  })

  test('hides what it gives from whatever prints it', async () => {
    const opened = vault.open(room.permitFor((await store()).id))
    assert.equal(JSON.stringify(opened?.value), '"[secret]"')
  })
})

describe('rebind()', () => {
  test('binds to new origins with new data keys; the old origins are refused', async () => {
    const own = 'srv_rebind' as ServiceId
    const next = ['https://new.example.com:443']
    const views = await Promise.all(['one-secret', 'two-secret'].map((text) => store(text, { service: own })))
    const before = room.database.look('SELECT id, envelope FROM credential_versions WHERE credential = ?', views[0]!.id)
    await vault.rebind(own, next, operator)
    const after = room.database.look('SELECT id, envelope FROM credential_versions WHERE credential = ?', views[0]!.id)
    assert.notDeepEqual(after[0]?.envelope, before[0]?.envelope)
    for (const view of views) {
      const call = { ...room.permitFor(view.id).call, service: own }
      assert.throws(() => vault.open(room.permitFor(view.id, { call })), { code: 'credential_origins_changed' })
      assert.equal(vault.open(room.permitFor(view.id, { call, origins: next }))?.version, 1)
    }
    await vault.rotate(views[0]!.id, { secret: Secret.fromText('new-secret') }, operator)
    const call = { ...room.permitFor(undefined).call, service: own }
    assert.equal(vault.open(room.permitFor(views[0]!.id, { call, origins: next }))?.version, 2)
  })

  test('leaves alone what is bound to these origins already', async () => {
    const view = await store()
    const envelope = () => room.database.look('SELECT envelope FROM credential_versions WHERE credential = ?', view.id)
    const before = envelope()
    await vault.rebind(service, origins, operator)
    assert.deepEqual(envelope(), before)
  })

  test('changes nothing where the service has no credentials', () =>
    vault.rebind('srv_none' as ServiceId, [], operator))
})

describe('a restart', () => {
  test('finds everything as it was', async () => {
    const view = await store('kept-secret', { meta: { a: 'b' }, expiresAt: room.clock.now() + 10_000_000 })
    const next = await vault.rotate(view.id, { secret: Secret.fromText('kept-secret-2') }, operator)
    const { vault: again } = await room.open()
    assert.deepEqual(again.find(view.handle), next)
    assert.equal(room.reveal(again, next), 'kept-secret-2')
    assert.deepEqual(again.list(), vault.list())
  })
})
