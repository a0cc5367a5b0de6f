// Operator tokens switched off: from then on operators sign in, and nobody is locked out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asOperator, runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { Person } from './instruments/person.ts'

const off = (gateway: Gateway, token?: string) => gateway.operator('POST', '/operator/token/off', undefined, token)

describe('operator tokens', () => {
  test('stay while no owner could sign in', async () => {
    await using gateway = await Gateway.start()
    assert.equal((await off(gateway)).code, 'no_owner_with_passkey')
    await Person.enrolled(gateway, 'bob', 'approver')
    assert.equal((await off(gateway)).code, 'no_owner_with_passkey', 'an approver has no tokens to give')
    await Person.enrolled(gateway, 'ann', 'owner')
    await gateway.does('DELETE', '/operators/ann')
    assert.equal((await off(gateway)).code, 'no_owner_with_passkey', 'who was removed does not sign in')
    await Person.enrolled(gateway, 'cid', 'owner')
    await gateway.restart({ CLAVIGER_OPERATOR_PORT: 'off' })
    assert.equal((await off(gateway)).code, 'no_owner_with_passkey', 'there is no page to sign in at')
    assert.equal((await gateway.operator('GET', '/status')).status, 200)
  })

  test('end all at once, over a kill; a signed-in owner makes new ones, and the home’s keeper a last one', async () => {
    await using gateway = await Gateway.start()
    const ann = await Person.enrolled(gateway, 'ann', 'owner')
    const { token: scripts } = await gateway.does<{ token: string }>('POST', '/operators/ann/tokens', {})
    assert.match((await asOperator(gateway, 'operator token off')).stdout, /ended 2/)
    await gateway.kill9()
    await gateway.restart()
    for (const token of [gateway.operatorToken, scripts])
      assert.equal((await gateway.operator('GET', '/status', undefined, token)).status, 401)
    assert.equal((await off(gateway, scripts)).status, 401)
    const signedIn = await ann.signsIn()
    assert.equal(signedIn.status, 200, signedIn.text())
    const { token } = await ann.does<{ token: string }>('POST', '/operators/ann/tokens', {})
    assert.equal((await gateway.operator('GET', '/status', undefined, token)).status, 200)
    assert.deepEqual(await ann.does('POST', '/operator/token/off'), { ended: 1 })
    await gateway.stop()
    const { stdout } = await runs('operator token reset', { CLAVIGER_HOME: gateway.home })
    await gateway.restart()
    assert.equal((await gateway.operator('GET', '/status', undefined, stdout.trim())).status, 200)
  })
})
