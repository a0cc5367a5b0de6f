import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import * as pkcs11 from 'pkcs11js'
import { AgentClient } from '../agent/agent-client.ts'
import { utf8 } from '../bytes.ts'
import { noSoftHsm, noTpm, PIN, softHsmToken, type TestToken, TOKEN, tpmToken } from '../testing/tokens.ts'
import { WireServer } from '../testing/wire-server.ts'
import { type Pkcs11SignerOptions, pkcs11Signer } from './pkcs11-signer.ts'

const data = utf8('bytes to sign')
const holds = (publicKey: string, bytes: Uint8Array, signature: Uint8Array) =>
  verify('sha256', bytes, { key: createPublicKey(publicKey), dsaEncoding: 'ieee-p1363' }, signature)

for (const [kind, skip, make] of [
  ['SoftHSM2', noSoftHsm(), async () => softHsmToken()],
  ['a TPM 2.0 (swtpm, tpm2-pkcs11)', noTpm(), tpmToken],
] as const) {
  describe(`pkcs11Signer() with ${kind}`, { skip }, () => {
    let token: TestToken
    before(async () => {
      token = await make()
      token.addKey({ label: 'agent', id: '01' })
      token.addKey({ label: 'agent', id: '02' })
    })
    after(() => token?.close())

    const options = (more: Partial<Pkcs11SignerOptions> = {}): Pkcs11SignerOptions => ({
      ...{ pkcs11, library: token.library, token: TOKEN, pin: PIN, key: { label: 'agent', id: '01' } },
      ...more,
    })

    test('signs what others verify, many at a time', async () => {
      const signer = await pkcs11Signer(options())
      const messages = Array.from({ length: 20 }, (_, n) => utf8(`message ${n}`))
      const signatures = await Promise.all(messages.map((message) => signer.sign(message)))
      for (const [n, message] of messages.entries()) {
        assert.ok(holds(signer.publicKey, message, signatures[n] as Uint8Array), `message ${n}`)
      }
      await signer.close()
    })

    test('signs in as an agent', async () => {
      await using stack = new AsyncDisposableStack()
      const signer = await pkcs11Signer(options())
      const server = await WireServer.start()
      stack.defer(() => server.close())
      const { agentId } = await AgentClient.register({ baseUrl: server.url, name: 'hsm', signer, invite: 'clv_iv_1' })
      const agent = new AgentClient({ baseUrl: server.url, agentId, signer, dpop: signer })
      assert.equal((await agent.fetch('svc', '/x')).status, 200)
      await signer.close()
    })

    test('takes the key of an id, and refuses to guess between two of a label', async () => {
      const [one, two] = await Promise.all(['01', '02'].map((id) => pkcs11Signer(options({ key: { id } }))))
      assert.notEqual(one?.publicKey, two?.publicKey)
      await Promise.all([one?.close(), two?.close()])
      await assert.rejects(pkcs11Signer(options({ key: { label: 'agent' } })), /more than one private key/)
      await assert.rejects(pkcs11Signer(options({ key: { label: 'none' } })), /no private key/)
    })

    test('goes on in a new session when the old one was lost', async () => {
      let asked = 0
      const pin = async () => {
        asked += 1
        return PIN
      }
      const signer = await pkcs11Signer(options({ pin }))
      token.module.C_CloseAllSessions(token.slot())
      assert.ok(holds(signer.publicKey, data, await signer.sign(data)))
      assert.equal(asked, 2)
      await signer.close()
    })

    test('tries a PIN that was refused no second time', async () => {
      let asked = 0
      const { PKCS11 } = pkcs11
      class Counting extends PKCS11 {
        override C_Login(session: pkcs11.Handle, user: number, pin?: string): void {
          asked += 1
          super.C_Login(session, user, asked === 1 ? pin : 'wrong')
        }
      }
      const signer = await pkcs11Signer(options({ pkcs11: { PKCS11: Counting } }))
      token.module.C_CloseAllSessions(token.slot())
      for (const _ of [1, 2, 3]) await assert.rejects(signer.sign(data), /CKR_PIN_INCORRECT/)
      assert.equal(asked, 2)
    })

    const refused: readonly (readonly [what: string, more: Partial<Pkcs11SignerOptions>, message: RegExp])[] = [
      ['a PIN that is wrong', { pin: 'wrong' }, /CKR_PIN_INCORRECT/],
      ['a token that is not there', { token: 'none' }, /0 tokens have this label/],
      ['a driver that is not there', { library: '/none.so' }, /none\.so/],
    ]
    for (const [what, more, message] of refused) {
      test(`throws for ${what}`, async () => {
        token.module.C_CloseAllSessions(token.slot())
        await assert.rejects(pkcs11Signer(options(more)), { code: 'signer_failed', message })
      })
    }
  })
}

describe('pkcs11Signer()', { skip: noSoftHsm() }, () => {
  let token: TestToken
  before(() => {
    token = softHsmToken()
    token.addKey({ label: 'open', id: '03', extractable: true })
    token.addKey({ label: 'p384', id: '04', curve: '06052b81040022' })
  })
  after(() => token?.close())
  const options = (label: string): Pkcs11SignerOptions => {
    return { pkcs11: { default: pkcs11 }, library: token.library, token: TOKEN, pin: PIN, key: { label } }
  }

  test('takes no key that could be read out of its token, unless told to', async () => {
    await assert.rejects(pkcs11Signer(options('open')), { code: 'signer_failed', message: /could be read out/ })
    const signer = await pkcs11Signer({ ...options('open'), allowExtractable: true })
    assert.ok(holds(signer.publicKey, data, await signer.sign(data)))
    await signer.close()
  })

  test('takes no key on another curve', async () => {
    await assert.rejects(pkcs11Signer(options('p384')), { code: 'signer_failed', message: /not on P-256/ })
  })
})
