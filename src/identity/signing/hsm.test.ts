import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { openPkcs11, type Pkcs11Token } from '../../crypto/pkcs11-signer.ts'
import { noSoftHsm, SoftHsm } from '../../crypto/softhsm.support.ts'
import { believed, by, DAY_MS, MINUTE_MS, sign, TestSigning } from './signing.support.ts'

describe('signing keys in an HSM', { skip: noSoftHsm() }, () => {
  let softHsm: SoftHsm
  let token: Pkcs11Token
  let room: TestSigning
  let labels = 0
  before(() => {
    softHsm = new SoftHsm().token('alpha')
  })
  after(() => softHsm?.remove())
  beforeEach(async () => {
    labels += 1
    token = await openPkcs11(softHsm.options('alpha', { key: `room-${labels}` }))
    room = new TestSigning()
    room.hsm = token
    await room.start()
  })
  afterEach(() => room?.end())

  /** How many private keys of this test the token holds. */
  const held = () => {
    const env = { ...process.env, SOFTHSM2_CONF: softHsm.conf }
    const script = `
      const c = require('pkcs11js'); const m = new c.PKCS11(); m.load(${JSON.stringify(softHsm.module)}); m.C_Initialize()
      const s = m.C_OpenSession(m.C_GetSlotList(true)[0], c.CKF_SERIAL_SESSION); m.C_Login(s, c.CKU_USER, '${softHsm.pin}')
      m.C_FindObjectsInit(s, [{ type: c.CKA_LABEL, value: 'room-${labels}' }, { type: c.CKA_CLASS, value: c.CKO_PRIVATE_KEY }])
      console.log(m.C_FindObjects(s, 100).length)`
    return Number(execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }))
  }

  test('are made there and sign there; the database holds no private byte', async () => {
    assert.deepEqual(room.statuses(), ['active hsm', 'next hsm'])
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    const rows = room.database.look('select sealed, hsm from signing_keys')
    assert.equal(rows.length, 2)
    for (const { sealed, hsm } of rows) {
      assert.equal(sealed, null)
      assert.match(String(hsm), /^[0-9a-f]{32}$/)
    }
    assert.equal(held(), 2)
  })

  test('are found again after a restart, rotate, and leave the token when they sign no more', async () => {
    const token = await sign(room.keys)
    await room.restart(() => room.clock.advance(30 * DAY_MS))
    assert.deepEqual(room.statuses(), ['active hsm', 'next hsm', 'retiring hsm'])
    assert.equal(believed(room.keys, token), true)
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    assert.equal(held(), 2)
    await room.keys.rotate(by, { emergency: true })
    assert.deepEqual(room.statuses(), ['active hsm', 'next hsm'])
    assert.equal(believed(room.keys, token), false)
    assert.equal(held(), 2)
  })

  test('take the place of those in the vault when an HSM is configured, and the other way round', async () => {
    room.hsm = undefined
    const first = await sign(room.keys)
    await room.restart()
    // Without its HSM no key signs until another was listed for long enough; what was signed stays good.
    assert.deepEqual(room.statuses(), ['active hsm', 'next vault'])
    assert.throws(() => room.keys.active(), { code: 'signing_key_missing' })
    assert.equal(believed(room.keys, first), true)
    room.clock.advance(MINUTE_MS)
    await room.keys.settle()
    const second = await sign(room.keys)
    room.hsm = token
    await room.restart()
    assert.deepEqual(room.statuses(), ['active vault', 'next hsm', 'retiring hsm'])
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    room.clock.advance(MINUTE_MS)
    await room.keys.settle()
    assert.deepEqual(room.statuses(), ['active hsm', 'next hsm', 'retiring hsm', 'retiring vault'])
    for (const signed of [first, second, await sign(room.keys)]) assert.equal(believed(room.keys, signed), true)
    assert.equal(room.database.look('select id from signing_keys where sealed is not null').length, 0)
    assert.equal(held(), 2)
  })

  test('follow each other when the token lost the one that signs', async () => {
    const [row] = room.database.look("select hsm from signing_keys where status = 'active'")
    const kid = room.kidOf('active') ?? ''
    await token.destroy(String(row?.hsm))
    await assert.rejects(sign(room.keys), { code: 'hsm_key_missing' })
    assert.throws(() => room.keys.active(), { code: 'signing_key_missing' })
    room.clock.advance(MINUTE_MS)
    await room.keys.settle()
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    assert.equal(room.keys.find(kid)?.status, 'retiring')
  })

  test('are revoked although the token does not answer; that is said, and new ones come when it does', async () => {
    const signed = await sign(room.keys)
    room.hsm = await openPkcs11(softHsm.options('nowhere'))
    await room.restart()
    await assert.rejects(room.keys.rotate(by, { emergency: true }), { code: 'hsm_token_missing' })
    assert.equal(believed(room.keys, signed), false)
    assert.deepEqual(room.keys.jwks(), { keys: [] })
    assert.throws(() => room.keys.active(), { code: 'signing_key_missing' })
    await room.keys.settle()
    await room.keys.settle()
    assert.deepEqual(
      room.troubles.map((error) => (error as { code?: string }).code),
      ['hsm_token_missing'],
    )
    room.hsm = token
    await room.restart()
    assert.equal(believed(room.keys, await sign(room.keys)), true)
    assert.equal(held(), 2)
  })
})
