// A verdict leaves a signed receipt, which anybody can check with the published keys, and use once at the gateway.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { asOperator, runs } from './instruments/command-line.ts'
import { type World, world } from './instruments/world.ts'

const asking = () => world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } } })
const headers = { 'content-type': 'application/json', prefer: 'wait=0' }
const pay = (around: World, body = '{"amount":4200}') => around.call('/pay/7', { method: 'POST', headers, body })

async function asked(around: World, answer = 'approve', body?: string) {
  const id = ((await pay(around, body)).json() as { approval: string }).approval
  await asOperator(around.gateway, `${answer} ${id}`)
  const { receipt } = await around.gateway.does<{ receipt: string }>('GET', `/approvals/${id}/receipt`)
  return { id, receipt }
}

const anybody = ({ gateway }: World, method: string, path: string, body?: object) =>
  gateway.agent(method, path, {
    headers: { host: `127.0.0.1:${gateway.port}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
const used = ({ gateway, token: own }: World, receipt: string, token = own) =>
  gateway.agent('POST', '/claviger/v1/agents/self/receipts/use', {
    headers: {
      host: `127.0.0.1:${gateway.port}`,
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ receipt }),
  })
const verified = async (around: World, body: object) =>
  (await anybody(around, 'POST', '/claviger/v1/receipts/verify', body)).json() as { valid: boolean; error?: string }

describe('a receipt', () => {
  test('is checked with nothing but the published keys and SHA-256', async () => {
    await using around = await asking()
    const { id, receipt } = await asked(around)
    const set = await anybody(around, 'GET', '/.well-known/claviger-receipt-keys.json')
    const [header, payload, signature] = receipt.split('.') as [string, string, string]
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const jwk = (set.json() as { keys: { kid: string }[] }).keys.find((one) => one.kid === kid)
    const key = createPublicKey({ key: jwk as never, format: 'jwk' })
    const signed = Buffer.from(`${header}.${payload}`)
    const raw = Buffer.from(signature, 'base64url')
    assert.equal(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, raw), true)
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const { action } = await around.gateway.does<{ action: object }>('GET', `/approvals/${id}`)
    const sorted = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(sorted)
      if (typeof value !== 'object' || value === null) return value
      return Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([k, v]) => [k, sorted(v)]),
      )
    }
    const digest = createHash('sha256')
      .update(`claviger/approval/v1\0${JSON.stringify(sorted(action))}`)
      .digest('hex')
    assert.equal(claims.digest, digest)
  })

  test('is used by the call itself, by its agent or by an operator, and never by two', async () => {
    await using around = await asking()
    const { receipt } = await asked(around)
    assert.equal((await verified(around, { receipt })).valid, true)
    assert.deepEqual(await verified(around, { receipt, consume: true }), { valid: false, error: 'caller_wanted' })
    assert.equal((await used(around, receipt, '')).code, 'unauthenticated')
    await around.gateway.does('POST', '/agents', { name: 'other' })
    const other = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'other' })
    assert.deepEqual((await used(around, receipt, other.token)).json(), { valid: false, error: 'wrong_agent' })
    assert.equal(((await used(around, receipt)).json() as { valid: boolean }).valid, true)
    assert.deepEqual((await used(around, receipt)).json(), { valid: false, error: 'consumed' })
    assert.equal((await pay(around)).code, 'approval_required')
    const body = '{"amount":1}'
    const next = ((await pay(around, body)).json() as { approval: string }).approval
    await asOperator(around.gateway, `approve ${next}`)
    const own = await around.gateway.agent('GET', `/claviger/v1/agents/self/approvals/${next}/receipt`, {
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${around.token}` },
    })
    assert.equal((await pay(around, body)).status, 200)
    const { receipt: of } = own.json() as { receipt: string }
    assert.deepEqual((await used(around, of)).json(), { valid: false, error: 'consumed' })
  })

  test('is used up by an operator, and the call that asked runs no more', async () => {
    await using around = await asking()
    const { receipt } = await asked(around)
    const file = join(around.gateway.folder, 'yes.jws')
    writeFileSync(file, receipt)
    await asOperator(around.gateway, `receipt use ${file} --agent nobody`, 1)
    const { stdout } = await asOperator(around.gateway, `receipt use ${file} --json`)
    assert.equal(JSON.parse(stdout).valid, true)
    await asOperator(around.gateway, `receipt use ${file}`, 1)
    assert.equal((await pay(around)).code, 'approval_required')
    assert.equal(around.upstream.received('/pay/7').length, 0)
  })

  test('counts no more once its key is said to be compromised, here and offline', async () => {
    await using around = await asking()
    const { receipt } = await asked(around)
    const { gateway } = around
    const [file, keys] = [join(gateway.folder, 'yes.jws'), join(gateway.folder, 'keys.json')]
    const publish = async () =>
      writeFileSync(keys, (await anybody(around, 'GET', '/.well-known/claviger-receipt-keys.json')).text())
    writeFileSync(file, receipt)
    await publish()
    await runs(`receipt verify ${file} --keys ${keys}`, {})
    const { items } = await gateway.does<{ items: { kid: string }[] }>('GET', '/receipt-keys')
    const [{ kid = '' } = {}] = items
    await asOperator(gateway, `receipt key compromised ${kid} --since soon`, 1)
    await asOperator(gateway, `receipt key compromised ${kid} --since 2020-01-01T00:00:00Z`)
    await publish()
    const refused = await runs(`receipt verify ${file} --keys ${keys}`, {}, 1)
    assert.match(refused.stderr, /\[receipt_refused\]/)
    assert.deepEqual(await verified(around, { receipt }), { valid: false, error: 'key_compromised' })
    const { items: records } = await gateway.does<{ items: object[] }>('GET', '/audit/records?limit=50')
    assert.ok(JSON.stringify(records).includes('key.receipt_compromised'))
    const { receipt: next } = await asked(around, 'approve', '{"amount":2}')
    assert.equal((await verified(around, { receipt: next })).valid, true, 'another key signs')
  })

  test('is revoked when its yes is withdrawn, and nothing goes out by it', async () => {
    await using around = await asking()
    const { id, receipt } = await asked(around)
    await asOperator(around.gateway, `approval withdraw ${id}`)
    assert.deepEqual(await verified(around, { receipt }), { valid: false, error: 'revoked' })
    assert.equal((await pay(around)).code, 'approval_required')
    await asOperator(around.gateway, `approval withdraw ${id}`, 1)
    assert.equal(around.upstream.received('/pay/7').length, 0)
  })

  test('is revoked with everything', async () => {
    await using around = await asking()
    const { id, receipt } = await asked(around)
    await asOperator(around.gateway, 'emergency-revoke')
    assert.deepEqual(await verified(around, { receipt, consume: true }), { valid: false, error: 'revoked' })
    await around.gateway.kill9()
    await around.gateway.restart()
    assert.deepEqual(await verified(around, { receipt, consume: true }), { valid: false, error: 'revoked' })
    assert.equal((await around.gateway.does<{ status: string }>('GET', `/approvals/${id}`)).status, 'cancelled')
  })

  test('is verified by the command line without a gateway and without a home', async () => {
    await using around = await asking()
    const { receipt } = await asked(around)
    const { folder, url } = around.gateway
    const [file, keys, wrong] = ['yes.jws', 'keys.json', 'wrong.jws'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(file, `${receipt}\n`)
    writeFileSync(wrong, receipt.replace(/^([^.]*\.)./, '$1f'))
    await asOperator(around.gateway, 'receipt key rotate')
    writeFileSync(keys, (await anybody(around, 'GET', '/.well-known/claviger-receipt-keys.json')).text())
    const env = { CLAVIGER_HOME: join(folder, 'nowhere') }
    const online = await runs(`receipt verify ${file} --keys ${url} --json`, env)
    await around.gateway.stop()
    const offline = await runs(`receipt verify ${file} --keys ${keys} --json`, env)
    assert.deepEqual(JSON.parse(offline.stdout), JSON.parse(online.stdout))
    assert.equal(JSON.parse(offline.stdout).claims.verdict, 'approved')
    for (const line of [`${wrong}`, `${file} --agent other`, `${file} --digest ${'0'.repeat(64)}`]) {
      const refused = await runs(`receipt verify ${line} --keys ${keys}`, env, 1)
      assert.match(refused.stderr, /\[receipt_refused\]/)
    }
  })

  test('of a no is one, and it stands for no yes', async () => {
    await using around = await asking()
    const { receipt } = await asked(around, 'deny')
    assert.deepEqual(await verified(around, { receipt, consume: true }), { valid: false, error: 'denied' })
  })
})
