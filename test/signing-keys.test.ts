// Signing keys as operators and those who verify elsewhere meet them: at the doors of a gateway.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { noSoftHsm, SoftHsm } from '../src/crypto/softhsm.support.ts'
import { asOperator, runs } from './instruments/command-line.ts'
import { Gateway, StartFailed } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import { headerOf } from './instruments/proofs.ts'
import { type World, world } from './instruments/world.ts'

interface Listed {
  readonly items: readonly { readonly kid: string; readonly status: string; readonly place: string }[]
}

const JWKS = '/.well-known/jwks.json'
const live = ({ items }: Listed) => items.filter(({ status }) => status !== 'revoked')
const hostOf = (gateway: Gateway) => ({ headers: { host: `127.0.0.1:${gateway.port}` } })

async function keySet(gateway: Gateway): Promise<JSONWebKeySet> {
  const reply = await gateway.agent('GET', JWKS, hostOf(gateway))
  assert.equal(reply.status, 200)
  return reply.json() as JSONWebKeySet
}

async function cli(gateway: Gateway, line: string, code = 0): Promise<Listed> {
  const { stdout } = await asOperator(gateway, `${line} --json`, code)
  return code === 0 ? JSON.parse(stdout) : { items: [] }
}

describe('signing keys', () => {
  let around: World
  let agent: KeyAgent
  before(async () => {
    around = await world()
    agent = await KeyAgent.add(around.gateway, 'keyed')
    await around.gateway.does('POST', '/grants', { agent: agent.id, service: 'u', scopes: ['u:*'] })
  })
  after(() => around[Symbol.asyncDispose]())

  const statusWith = async (token: string) => (await around.call('/n', { token })).status

  test('are published to anybody, for a minute, and verify what the gateway signs', async () => {
    const { gateway } = around
    const reply = await gateway.agent('GET', JWKS, hostOf(gateway))
    const header = (name: string) => {
      const at = reply.rawHeaders.findIndex((text, n) => n % 2 === 0 && text.toLowerCase() === name)
      return reply.rawHeaders[at + 1]
    }
    assert.equal(header('cache-control'), 'public, max-age=60')
    assert.equal(header('content-type'), 'application/json')
    const set = reply.json() as JSONWebKeySet
    assert.equal(set.keys.length, 2)
    for (const key of set.keys) assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    const { accessToken } = await agent.signIn()
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet(set), { algorithms: ['ES256'], typ: 'at+jwt' })
    assert.equal(payload.sub, agent.id)
    assert.equal((await gateway.agent('POST', JWKS, hostOf(gateway))).status, 405)
  })

  test('are for operators alone to list, rotate and revoke', async () => {
    const { gateway } = around
    const { accessToken } = await agent.signIn()
    const headers = { ...hostOf(gateway).headers, authorization: `Bearer ${accessToken}` }
    for (const [method, path] of [
      ['GET', '/signing-keys'],
      ['POST', '/signing-keys/rotate'],
      ['DELETE', '/signing-keys/x'],
    ] as const) {
      assert.equal((await gateway.agent(method, `/claviger/v1${path}`, { headers })).status, 404)
      assert.equal((await gateway.operator(method, path, undefined, accessToken)).status, 403)
      assert.equal((await gateway.operator(method, path, undefined, '')).status, 401)
    }
  })

  test('rotate once everybody can know the next one; a crash and a restart change nothing', async () => {
    const { gateway } = around
    const before = await cli(gateway, 'signing-key list')
    assert.deepEqual(
      live(before).map(({ status, place }) => `${status} ${place}`),
      ['active vault', 'next vault'],
    )
    const early = await gateway.operator('POST', '/signing-keys/rotate', {})
    assert.equal(early.status, 409)
    assert.equal((early.json() as { code: string }).code, 'signing_key_too_new')
    const { accessToken } = await agent.signIn()
    const set = await keySet(gateway)
    await gateway.stop('SIGKILL')
    await gateway.restart()
    assert.deepEqual(await keySet(gateway), set)
    assert.equal(await statusWith(accessToken), 200)
    assert.deepEqual(await cli(gateway, 'signing-key list'), before)
  })

  test('when one is revoked, what it signed is refused at once and the next one signs', async () => {
    const { gateway } = around
    const { accessToken } = await agent.signIn()
    assert.equal(await statusWith(accessToken), 200)
    const listed = live(await cli(gateway, 'signing-key list'))
    const [active, next] = ['active', 'next'].map((status) => listed.find((key) => key.status === status)?.kid ?? '')
    await cli(gateway, `signing-key revoke ${active}`)
    assert.equal(await statusWith(accessToken), 401)
    const set = await keySet(gateway)
    assert.equal(
      set.keys.some(({ kid }) => kid === active),
      false,
    )
    const fresh = (await agent.signIn()).accessToken
    assert.equal(headerOf(fresh).kid, next)
    assert.equal(await statusWith(fresh), 200)
    await cli(gateway, 'signing-key revoke nothing', 1)
  })

  test('in an emergency are replaced, also while agents sign in and call', async () => {
    const { gateway } = around
    const held = (await agent.signIn()).accessToken
    const old = await keySet(gateway)
    let over = false
    const refused: string[] = []
    const busy = Array.from({ length: 4 }, async () => {
      while (!over) {
        const { accessToken } = await agent.signIn()
        const { kid } = headerOf(accessToken)
        const status = await statusWith(accessToken)
        // What an old key signed is refused, and nothing else is.
        if (status !== 200 && !old.keys.some((key) => key.kid === kid)) refused.push(`${kid}: ${status}`)
      }
    })
    const { items } = await cli(gateway, 'signing-key rotate --emergency')
    assert.equal(await statusWith(held), 401)
    over = true
    await Promise.all(busy)
    assert.deepEqual(refused, [])
    const kids = (await keySet(gateway)).keys.map(({ kid }) => kid)
    assert.equal(
      old.keys.some(({ kid }) => kids.includes(kid)),
      false,
    )
    assert.deepEqual(
      live({ items })
        .map(({ status }) => status)
        .sort(),
      ['active', 'next'],
    )
    const { accessToken } = await agent.signIn()
    assert.equal(await statusWith(accessToken), 200)
    await gateway.stop()
    await gateway.restart()
    assert.equal(await statusWith(held), 401)
    assert.equal(await statusWith(accessToken), 200)
  })

  test('are gone while the vault is sealed', async () => {
    const { gateway } = around
    const set = await keySet(gateway)
    await gateway.does('POST', '/seal')
    const reply = await gateway.agent('GET', JWKS, hostOf(gateway))
    assert.equal(reply.status, 503)
    assert.equal((reply.json() as { code: string }).code, 'vault_sealed')
    await gateway.does('POST', '/unseal', { keyFile: true })
    assert.deepEqual(await keySet(gateway), set)
  })

  test('leave their records in a log that verifies', async () => {
    const { gateway } = around
    const types = new Set<string>()
    const { items } = await gateway.does<{ items: { type: string }[] }>('GET', '/audit/records?limit=500')
    for (const { type } of items) if (type.startsWith('key.signing')) types.add(type)
    assert.deepEqual([...types].sort(), ['key.signing_activated', 'key.signing_added', 'key.signing_revoked'])
    await runs('audit verify --json', { CLAVIGER_HOME: gateway.home })
  })
})

describe('signing keys in an HSM', { skip: noSoftHsm() }, () => {
  let softHsm: SoftHsm
  let env: Readonly<Record<string, string>>
  before(() => {
    softHsm = new SoftHsm().token('gateway')
    env = {
      SOFTHSM2_CONF: softHsm.conf,
      CLAVIGER_HSM_MODULE: softHsm.module,
      CLAVIGER_HSM_TOKEN_LABEL: 'gateway',
      CLAVIGER_HSM_PIN_FILE: softHsm.pinFile,
      CLAVIGER_DEMO: 'off',
    }
  })
  after(() => softHsm?.remove())

  test('sign from the first start on, and after a restart', async () => {
    await using around = await world({ env })
    const { gateway } = around
    const agent = await KeyAgent.add(gateway, 'keyed')
    await gateway.does('POST', '/grants', { agent: agent.id, service: 'u', scopes: ['u:*'] })
    const listed = live(await cli(gateway, 'signing-key list'))
    assert.deepEqual(
      listed.map(({ place }) => place),
      ['hsm', 'hsm'],
    )
    const { accessToken } = await agent.signIn()
    await jwtVerify(accessToken, createLocalJWKSet(await keySet(gateway)), { algorithms: ['ES256'] })
    assert.equal((await around.call('/n', { token: accessToken })).status, 200)
    await gateway.restart()
    assert.equal((await around.call('/n', { token: accessToken })).status, 200)
    assert.equal((await around.call('/n', { token: (await agent.signIn()).accessToken })).status, 200)
  })

  test('are missed, and calls are not, when the token is another', async () => {
    await using around = await world({ env })
    const { gateway } = around
    const agent = await KeyAgent.add(gateway, 'keyed')
    await gateway.does('POST', '/grants', { agent: agent.id, service: 'u', scopes: ['u:*'] })
    const { accessToken } = await agent.signIn()
    await gateway.restart({ CLAVIGER_HSM_TOKEN_LABEL: 'unplugged' })
    for (const token of [accessToken, around.token]) assert.equal((await around.call('/n', { token })).status, 200)
    await assert.rejects(agent.signIn(), /hsm_token_missing/)
  })

  const wrong: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['a module that is not there', { CLAVIGER_HSM_MODULE: '/nowhere/libhsm.so' }, 'hsm_module_unusable'],
    ['a PIN file that is not there', { CLAVIGER_HSM_PIN_FILE: '/nowhere/pin' }, 'hsm_pin_file_unsafe'],
    ['a PIN file that others can read', { CLAVIGER_HSM_PIN_FILE: '/etc/hostname' }, 'hsm_pin_file_unsafe'],
    ['half of the settings', { CLAVIGER_HSM_TOKEN_LABEL: '' }, 'setting_invalid'],
  ]
  for (const [what, changes, code] of wrong) {
    test(`end the start with 78 and ${code} for ${what}`, async () => {
      const started = Gateway.start({ env: { ...env, ...changes } })
      const failed = await started.then(
        () => assert.fail('it started'),
        (error: unknown) => error,
      )
      assert.ok(failed instanceof StartFailed)
      assert.equal(failed.code, 78)
      assert.ok(failed.output.includes(`[${code}]`), failed.output)
    })
  }
})
