import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { asAdmin, call, done, mirror, serviceForm, VaultAgent, vaultEnv } from './instruments/vault-client.ts'
import { loopback } from './instruments/world.ts'

let folder: string
let gateway: Gateway
let upstream: RecordingUpstream
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'claviger-export-'))
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  gateway = await Gateway.start({ env: { ...vaultEnv, CLAUTH_ALLOW_INSECURE_HTTP: '1' } })
  const tony = await VaultAgent.add(gateway, 'tony')
  done(
    await asAdmin(
      gateway,
      'addService',
      serviceForm('shop', upstream.origin, { masterSecret: 'sk-live-0123456789abcdef' }),
    ),
  )
  const { token } = await tony.issue('shop', ['shop:data:read'])
  done(await call(gateway, { token, service: 'shop', action: 'data.get', params: { id: '7', fields: 'private' } }))
  await gateway.does('POST', '/services', {
    name: 'api',
    origins: [upstream.origin],
    addresses: loopback,
    injection: { kind: 'bearer' },
  })
  await gateway.does('POST', '/credentials', { handle: 'api-main', service: 'api', secret: 'sk-live-fedcba9876543210' })
  await gateway.does('POST', '/clauth/grants', {
    skillId: 'Writer Skill',
    provider: 'api',
    scope: 'api:read',
    handles: ['api-main'],
  })
  const skill = await gateway.does<{ token: string }>('POST', '/clauth/skill-tokens', { skillId: 'Writer Skill' })
  for (const method of ['GET', 'DELETE']) {
    const body = {
      provider: 'api',
      credentialHandle: 'api-main',
      scope: 'api:read',
      method,
      endpoint: `${upstream.origin}/n/1?q=private`,
    }
    await gateway.agent('POST', '/clauth/v1/proxy', {
      headers: { 'x-clauth-skill-token': skill.token },
      body: JSON.stringify(body),
    })
  }
  await gateway.stop()
})
after(async () => {
  await gateway?.remove()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

type Line = Readonly<Record<string, unknown>>
const exported = async (form: string): Promise<string[]> => {
  const out = join(folder, `${form}.ndjson`)
  await runs(`audit export --as ${form} --out ${out}`, { CLAVIGER_HOME: gateway.home })
  assert.equal(statSync(out).mode & 0o777, 0o600)
  return readFileSync(out, 'utf8').trimEnd().split('\n')
}

describe('audit export', () => {
  test('--as clauth is chained as the original chains it, and says what was called and refused', async () => {
    const lines = await exported('clauth')
    let before = 'GENESIS'
    for (const line of lines) {
      const { hash, ...rest } = JSON.parse(line) as Line
      assert.equal(rest.prevHash, before)
      assert.equal(hash, createHash('sha256').update(JSON.stringify(rest)).digest('hex'))
      before = String(hash)
    }
    const events = lines.map((line) => JSON.parse(line) as Line)
    const of = (event: string) => events.filter((one) => one.event === event && one.provider === 'api')
    const [allowed] = of('proxy.allow')
    assert.deepEqual(
      [allowed?.scope, allowed?.method, allowed?.statusCode, allowed?.outcome],
      ['api:read', 'GET', 200, 'ok'],
    )
    assert.equal(allowed?.endpoint, `${upstream.origin}/n/1?q=[REDACTED]`)
    assert.deepEqual(
      of('proxy.deny').map(({ method, outcome }) => [method, outcome]),
      [['DELETE', 'scope_denied']],
    )
    for (const event of ['daemon.start', 'credential.store', 'grant.create', 'skill_token.issue']) {
      assert.ok(
        events.some((one) => one.event === event),
        event,
      )
    }
    assert.ok(!lines.join('').includes('private') && !lines.join('').includes('sk-live'))
  })

  test('--as vault gives the rows of the contract', async () => {
    const rows = (await exported('vault')).map((line) => JSON.parse(line) as Line)
    assert.deepEqual(
      rows.map(({ event }) => event),
      ['admin.addService', 'token.issued', 'proxy.call'],
    )
    const { service, action, status, ts } = rows[2] as Line
    assert.deepEqual([service, action, status, typeof ts], ['shop', 'data.get', 200, 'number'])
    assert.ok(!JSON.stringify(rows).includes('private'))
  })

  test('as it is gives the log itself, and refuses other forms and files that are there', async () => {
    const { stdout } = await runs('audit export', { CLAVIGER_HOME: gateway.home })
    const { stdout: verdict } = await runs('audit verify --json', { CLAVIGER_HOME: gateway.home })
    assert.equal(stdout.trimEnd().split('\n').length, JSON.parse(verdict).records)
    await runs('audit export --as xml', { CLAVIGER_HOME: gateway.home }, 64)
    assert.ok(existsSync(join(folder, 'vault.ndjson')))
    await runs(`audit export --out ${join(folder, 'vault.ndjson')}`, { CLAVIGER_HOME: gateway.home }, 64)
  })
})
