import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { compactVerify, importJWK } from 'jose'
import type { Handle, PKCS11 } from 'pkcs11js'
import { signJwt } from './es256-signer.ts'
import { verifyP256 } from './p256.ts'
import { openPkcs11, type Pkcs11Token, type TokenKey } from './pkcs11-signer.ts'
import { noSoftHsm, SoftHsm } from './softhsm.support.ts'

const data = Buffer.from('what is signed')

describe('a key in a token', { skip: noSoftHsm() }, () => {
  let softHsm: SoftHsm
  let token: Pkcs11Token
  let key: TokenKey
  let others: Others

  before(async () => {
    softHsm = new SoftHsm().token('alpha').token('beta')
    token = await openPkcs11(softHsm.options('alpha'))
    key = await token.generate()
    others = new Others(softHsm.module)
  })
  after(async () => {
    await token?.close()
    softHsm?.remove()
  })

  /** Whether a signature comes out that holds. */
  const signs = async (made: TokenKey = key, by: Pkcs11Token = token) =>
    verifyP256(made.publicKey.key, data, await by.signer(made.ref, made.publicKey).sign(data))

  test('signs what others verify', async () => {
    assert.equal(await signs(), true)
    const jws = await signJwt(token.signer(key.ref, key.publicKey), 'at+jwt', { sub: 'agent_1' })
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK({ ...key.publicKey.jwk }, 'ES256'))
    assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), { sub: 'agent_1' })
    assert.equal(protectedHeader.kid, key.publicKey.thumbprint)
  })

  test('never leaves it: neither read nor wrapped, and neither can be allowed', () => {
    const session = others.login('alpha', softHsm.pin)
    const { module, c } = others
    const [found] = others.find(session, key.ref, c.CKO_PRIVATE_KEY)
    assert.ok(found)
    const read = (type: number) => module.C_GetAttributeValue(session, found, [{ type }])
    assert.throws(() => read(c.CKA_VALUE), /CKR_ATTRIBUTE_SENSITIVE/)
    const wrapper = module.C_GenerateKey(session, { mechanism: c.CKM_AES_KEY_GEN }, [
      { type: c.CKA_VALUE_LEN, value: 32 },
      { type: c.CKA_WRAP, value: true },
      { type: c.CKA_EXTRACTABLE, value: true },
    ])
    const wrap = () =>
      module.C_WrapKey(session, { mechanism: c.CKM_AES_KEY_WRAP_PAD }, wrapper, found, Buffer.alloc(512))
    assert.throws(wrap, /CKR_KEY_UNEXTRACTABLE|CKR_KEY_NOT_WRAPPABLE/)
    for (const change of [
      { type: c.CKA_EXTRACTABLE, value: true },
      { type: c.CKA_SENSITIVE, value: false },
    ])
      assert.throws(() => module.C_SetAttributeValue(session, found, [change]), /CKR_ATTRIBUTE_READ_ONLY/)
    const [sensitive, extractable] = [c.CKA_ALWAYS_SENSITIVE, c.CKA_NEVER_EXTRACTABLE].map(
      (type) => read(type)[0]?.value,
    )
    assert.deepEqual([sensitive, extractable], [Buffer.of(1), Buffer.of(1)])
    module.C_CloseSession(session)
  })

  test('signs many things at once, each its own', async () => {
    const signer = token.signer(key.ref, key.publicKey)
    const messages = Array.from({ length: 300 }, (_, n) => Buffer.from(`message ${n}`))
    const signatures = await Promise.all(messages.map((message) => signer.sign(message)))
    for (const [n, message] of messages.entries())
      assert.equal(verifyP256(key.publicKey.key, message, signatures[n] as Buffer), true, `message ${n}`)
    assert.equal(new Set(signatures.map((signature) => signature.toString('hex'))).size, 300)
  })

  const losses: readonly (readonly [string, (others: Others) => void])[] = [
    ['its sessions were closed', ({ module, slotOf }) => module.C_CloseAllSessions(slotOf('alpha'))],
    ['the user was logged out', (all) => all.logout('alpha')],
    ['the module was ended', ({ module }) => module.C_Finalize()],
    [
      'the module was ended and begun by somebody else',
      ({ module, c }) => {
        module.C_Finalize()
        module.C_Initialize({ flags: c.CKF_OS_LOCKING_OK })
      },
    ],
  ]
  for (const [what, lose] of losses) {
    test(`signs again after ${what}, also where many sign`, async () => {
      assert.equal(await signs(), true)
      lose(others)
      assert.equal(await signs(), true)
      lose(others)
      assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => signs())), Array(20).fill(true))
    })
  }

  test('is found again by another process under its name, and by no other label', async () => {
    const again = await openPkcs11(softHsm.options('alpha'))
    assert.equal(await signs(key, again), true)
    const elsewhere = await openPkcs11(softHsm.options('alpha', { key: 'other' }))
    await assert.rejects(signs(key, elsewhere), { code: 'hsm_key_missing' })
    assert.equal(elsewhere.lacks(key.ref), true)
    assert.equal(token.lacks(key.ref), false)
    await again.close()
    await elsewhere.close()
  })

  test('is refused where another key has its name', async () => {
    const other = await token.generate()
    const wrong = await openPkcs11(softHsm.options('alpha'))
    await assert.rejects(signs({ ref: other.ref, publicKey: key.publicKey }, wrong), { code: 'hsm_key_missing' })
    await wrong.close()
  })

  test('is gone when it is destroyed, twice is no error', async () => {
    const made = await token.generate()
    assert.equal(await signs(made), true)
    await token.destroy(made.ref)
    await token.destroy(made.ref)
    await assert.rejects(signs(made), { code: 'hsm_key_missing' })
    const session = others.login('alpha', softHsm.pin)
    assert.deepEqual(others.find(session, made.ref), [])
    others.module.C_CloseSession(session)
  })

  test('says what is wrong with token, PIN or module', async () => {
    const nowhere = await openPkcs11(softHsm.options('gamma'))
    await assert.rejects(nowhere.generate(), { code: 'hsm_token_missing', status: 503 })
    await assert.rejects(openPkcs11({ ...softHsm.options('alpha'), module: '/nowhere.so' }), {
      code: 'hsm_module_unusable',
    })
    await assert.rejects(openPkcs11({ ...softHsm.options('alpha'), module: '/lib/x86_64-linux-gnu/libm.so.6' }), {
      code: 'hsm_module_unusable',
    })
  })

  test('asks the token once with a wrong PIN, and again when the PIN is another', async () => {
    let asked = 0
    let pin = 'wrong-pin'
    const { Secret } = await import('../ground/secret.ts')
    const options = softHsm.options('beta', {
      pin: async () => {
        asked += 1
        return Secret.fromText(pin)
      },
    })
    const beta = await openPkcs11(options)
    for (let n = 0; n < 5; n += 1) await assert.rejects(beta.generate(), { code: 'hsm_pin_refused' })
    assert.equal(asked, 5)
    const info = others.module.C_GetTokenInfo(others.slotOf('beta'))
    assert.equal(info.flags & others.c.CKF_USER_PIN_LOCKED, 0)
    pin = softHsm.pin
    const made = await beta.generate()
    assert.equal(await signs(made, beta), true)
    await beta.close()
  })
})

/** Another program that uses the same module: what it does to sessions and logins is done to ours. */
class Others {
  readonly c: typeof import('pkcs11js') = createRequire(import.meta.url)('pkcs11js')
  readonly module: PKCS11 = new this.c.PKCS11()

  constructor(path: string) {
    this.module.load(path)
  }

  readonly slotOf = (label: string): Handle => {
    const slots = this.module.C_GetSlotList(true)
    return slots.find((slot) => this.module.C_GetTokenInfo(slot).label.trim() === label) as Handle
  }

  login(label: string, pin: string): Handle {
    const session = this.module.C_OpenSession(this.slotOf(label), this.c.CKF_SERIAL_SESSION | this.c.CKF_RW_SESSION)
    try {
      this.module.C_Login(session, this.c.CKU_USER, pin)
    } catch (error) {
      assert.match(String(error), /CKR_USER_ALREADY_LOGGED_IN/)
    }
    return session
  }

  logout(label: string): void {
    const session = this.module.C_OpenSession(this.slotOf(label), this.c.CKF_SERIAL_SESSION)
    this.module.C_Logout(session)
    this.module.C_CloseSession(session)
  }

  find(session: Handle, ref: string, kind?: number): Handle[] {
    this.module.C_FindObjectsInit(session, [
      { type: this.c.CKA_ID, value: Buffer.from(ref, 'hex') },
      ...(kind === undefined ? [] : [{ type: this.c.CKA_CLASS, value: kind }]),
    ])
    const found = this.module.C_FindObjects(session, 8)
    this.module.C_FindObjectsFinal(session)
    return found
  }
}
