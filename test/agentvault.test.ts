// The agentic-credential-vault door end to end: a service, a token, calls, revocation. The client knows the contract alone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  serviceForm,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'

const SECRET = 'sk-live-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
let tony: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

describe('a service, a token, a call, a revocation', () => {
  test('works end to end, and the agent never sees the secret', async () => {
    const form = serviceForm('shop', upstream.origin, { masterSecret: SECRET })
    assert.deepEqual(done(await asAdmin(gateway, 'addService', form)), { ok: true, service: 'shop' })
    const { token, tokenId, expiresInSec } = await tony.issue('shop', ['shop:data:read'])
    assert.equal(expiresInSec, 600)
    const reply = await call(gateway, {
      token,
      service: 'shop',
      action: 'data.get',
      params: { id: 'a b', fields: 'x' },
    })
    assert.deepEqual(done(reply), { method: 'GET', url: '/v/data/a%20b?fields=x' })
    assert.equal(upstream.receipts.at(-1)?.headers.get('authorization')?.[0], `Bearer ${SECRET}`)
    assert.deepEqual(done(await tony.revoke({ tokenId })), { ok: true, revoked: { tokenId } })
    refusedWith(
      await call(gateway, { token, service: 'shop', action: 'data.get', params: { id: '1' } }),
      'TOKEN_REVOKED',
    )
  })
})
