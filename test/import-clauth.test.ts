// An installation of Clauth, written from its contract's formats, comes over through the command line and a real gateway.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { appendFileSync, lstatSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Installation, PASSPHRASE, writeInstallation } from './instruments/clauth-installation.ts'
import { ClauthWorld, refusal } from './instruments/clauth-world.ts'
import { runs } from './instruments/command-line.ts'
import { picture } from './instruments/picture.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-clauth-'))
let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
  world.upstream.on('ok', (_request, response) => void response.end('fine'))
})
after(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const written = (asked: Installation) => writeInstallation(mkdtempSync(join(folder, 'home-')), asked)
const secrets = { github: 'ghp_canary_of_the_old_vault_0001', other: 'sk-canary-of-the-old-vault-0002' }
const token = () => randomBytes(32).toString('base64url')

/** The command line with the operator's token and the passphrase. */
function brings(line: string, code = 0, env: Record<string, string> = { CLAUTH_PASSPHRASE: PASSPHRASE }) {
  const { home, operatorToken } = world.gateway
  return runs(`import clauth ${line}`, { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, ...env }, code)
}

interface Shown {
  readonly what: string
  readonly name: string
  readonly action: string
  readonly why?: string
}

async function items(line: string, code = 0): Promise<Record<string, string>> {
  const json = JSON.parse((await brings(`${line} --json`, code)).stdout)
  return Object.fromEntries((json.items as Shown[]).map(({ what, name, action }) => [`${what} ${name}`, action]))
}

function proxy(skillId: string, skillToken: string, more: object) {
  return world.proxy({ skillId, ...more }, { 'x-clauth-skill-token': skillToken })
}

describe('claviger import clauth', () => {
  for (const algorithm of ['scrypt', 'argon2id'] as const) {
    test(`brings a vault sealed by ${algorithm} over, and its skill tokens go on working`, async () => {
      const [skill, issued, handle] = [`Old ${algorithm}`, token(), `gh-${algorithm}`]
      const from = written({
        ...{ algorithm, saltIn: algorithm === 'scrypt' ? 'kdf' : 'config' },
        credentials: { [handle]: { provider: 'GitHub', secret: `${secrets.github}-${algorithm}` } },
        grants: [
          { skillId: skill, provider: 'github', scope: 'github:read', rateLimitPerMinute: 7, active: true },
          { skillId: skill, provider: 'github', scope: 'github:write', rateLimitPerMinute: 7, active: false },
        ],
        skills: { [skill]: issued, [`gone-${algorithm}`]: undefined },
      })
      const source = picture(from)
      const status = await world.gateway.does<{ epoch: number }>('GET', '/status')
      const planned = {
        'service github': 'is here already',
        [`credential ${handle}`]: 'would come over',
        [`skill token ${skill}`]: 'would come over',
        [`skill token gone-${algorithm}`]: 'stays',
        [`grant ${skill} github github:read`]: 'would come over',
        [`grant ${skill} github github:write`]: 'stays',
      }
      assert.deepEqual(await items(from), planned)
      assert.equal((await world.gateway.does<{ epoch: number }>('GET', '/status')).epoch, status.epoch)

      const done = await items(`${from} --write`)
      assert.deepEqual(done[`skill token ${skill}`], 'came over')
      const call = { credentialHandle: handle, endpoint: world.url(`/ok?by=${algorithm}`) }
      for (let round = 0; round < 2; round += 1) {
        const answer = await proxy(skill, issued, call)
        assert.equal(answer.status, 200, answer.text())
      }
      const [receipt] = world.upstream.received(`by=${algorithm}`)
      assert.deepEqual(receipt?.headers.get('authorization'), [`Bearer ${secrets.github}-${algorithm}`])
      const write = await proxy(skill, issued, { ...call, scope: 'github:write' })
      assert.deepEqual(refusal(write).slice(0, 2), [403, 'ACCESS_DENIED'])
      assert.deepEqual(refusal(await proxy(skill, token(), call)).slice(0, 2), [401, 'UNAUTHORIZED'])

      const again = await items(`${from} --write`)
      assert.ok(!Object.values(again).some((action) => /come|came/.test(action)), JSON.stringify(again))
      assert.deepEqual(picture(from), source)
    })
  }

  test('brings OAuth sets over, sealed and plain, and services, with hosts and ways of attaching as Clauth had them', async () => {
    const set = {
      accessToken: 'at-canary-0123456789',
      refreshToken: 'rt-canary-0123456789',
      expiresAt: Date.now() + 9e6,
    }
    const credentials = {
      'g-cal': { provider: 'google', secret: 'at-canary-0123456789' },
      'g-far': { provider: 'google', secret: 'at-canary-0123456780' },
      'inner-1': {
        provider: 'inner',
        secret: secrets.other,
        metadata: { allowedHosts: 'a.inner.example,*.b.example', headerName: 'X-Inner', tier: 'gold' },
      },
      'inner-2': { provider: 'inner', secret: 'sk-canary-0003', metadata: { allowedHosts: 'a.inner.example' } },
      'inner-3': { provider: 'inner', secret: 'sk-canary-0004', metadata: { authType: 'basic' } },
      lost: { provider: 'nowhere', secret: 'sk-canary-0005' },
      old: { provider: 'github', secret: 'sk-canary-0006', expiresAt: '2025-01-01T00:00:00.000Z' },
      main: { provider: 'github', secret: 'sk-canary-0007' },
    }
    const tokenSets = {
      'g-cal': { ...set, tokenUrl: 'https://oauth2.googleapis.com/token', clientId: 'c', scopes: ['calendar'] },
      'g-far': { ...set, tokenUrl: 'https://tokens.attacker.example/token' },
    }
    const grants = [{ skillId: 'early', provider: 'slack', scope: 'slack:*', rateLimitPerMinute: 5, active: true }]
    const from = written({ credentials, tokenSets, grants })
    const done = await items(`${from} --write`, 3)
    assert.equal(done['grant early slack slack:*'], 'came over')
    const stays = Object.keys(done).filter((name) => done[name] === 'stays')
    const left = ['connection g-far', 'credential inner-2', 'credential inner-3', 'credential lost', 'credential main']
    assert.deepEqual(stays.sort(), [...left, 'credential old', 'service nowhere'])
    const listed = await world.gateway.does<{ items: { name: string; origins: string[]; injection: object }[] }>(
      'GET',
      '/services',
    )
    const inner = listed.items.find(({ name }) => name === 'inner')
    assert.deepEqual(inner?.origins, ['https://a.inner.example', 'https://b.example', 'https://*.b.example'])
    assert.deepEqual(inner?.injection, { kind: 'header', name: 'x-inner' })
    const stored = await world.gateway.does<{
      items: { handle: string; connection?: object; meta: Record<string, string> }[]
    }>('GET', '/credentials')
    assert.ok(stored.items.find(({ handle }) => handle === 'g-cal')?.connection)
    assert.equal(stored.items.find(({ handle }) => handle === 'inner-1')?.meta.tier, 'gold')
    const plain = written({
      credentials: { 'g-plain': credentials['g-cal'] },
      plainTokenSets: true,
      tokenSets: { 'g-plain': tokenSets['g-cal'] },
    })
    assert.equal((await items(`${plain} --write`))['connection g-plain'], 'came over')
  })

  test('brings configuration over, says what has no meaning, and looks at the log', async () => {
    const audit = [
      { ts: '2026-03-01T12:00:00.000Z', event: 'daemon.start', outcome: 'ok' },
      { ts: '2026-03-01T12:00:01.000Z', event: 'proxy.allow', outcome: 'ok', statusCode: 200 },
    ]
    const config = {
      ...{ port: 14317, firewall: { burstLimit: 3 }, advisoryFeeds: [{ name: 'x', url: 'https://x', type: 'github' }] },
      alertChannels: [{ type: 'webhook', url: 'https://hooks.example.com/in?key=canary-key', minSeverity: 'warning' }],
      hardening: { enforceHttps: false, sessionTtlSeconds: 3600 },
    }
    const from = written({ config, audit })
    const told = await brings(`${from} --write`)
    assert.ok(!told.stdout.includes('canary'), told.stdout)
    assert.match(told.stdout, /audit\.ndjson +stays +2 entries, its chain holds/)
    assert.match(told.stdout, /hardening\.enforceHttps +stays/)
    const env = readFileSync(join(world.gateway.home, 'env'), 'utf8')
    assert.match(env, /^CLAVIGER_CLAUTH_LISTEN=127\.0\.0\.1:14317$/m)
    assert.equal(lstatSync(join(world.gateway.home, 'env')).mode & 0o777, 0o600)
    const hooks = await world.gateway.does<{ items: { url: string; minSeverity: string }[] }>('GET', '/webhooks')
    assert.deepEqual(
      hooks.items.map(({ minSeverity }) => minSeverity),
      ['warning'],
    )
    const again = await items(`${from} --write`)
    assert.ok(!Object.values(again).includes('came over'), JSON.stringify(again))
    appendFileSync(join(from, 'audit.ndjson'), '{"event":"forged","prevHash":"x","hash":"y"}\n')
    assert.match((await brings(from)).stdout, /broken at line 3 \(prevHash mismatch\)/)
  })

  test('says nothing of a secret, and keeps none in the clear', async () => {
    const from = written({
      credentials: { quiet: { provider: 'github', secret: 'ghp_quiet_canary_0123456789' } },
      skills: { quiet: token() },
    })
    const told = await brings(`${from} --write --json`)
    assert.ok(!`${told.stdout}${told.stderr}`.includes('quiet_canary'))
    const { home } = world.gateway
    for (const name of Object.keys(picture(home))) {
      const path = join(home, name)
      if (lstatSync(path).isFile()) assert.ok(!readFileSync(path).includes('quiet_canary'), name)
    }
  })

  test('stops at a wrong passphrase, a damaged file and a folder of something else, with nothing done', async () => {
    const asked = { credentials: { late: { provider: 'github', secret: 'ghp_never_0123456789abcdef' } }, tokenSets: {} }
    const whole = written(asked)
    const wrong = { CLAUTH_PASSPHRASE: 'another passphrase' }
    assert.match((await brings(`${whole} --write`, 1, wrong)).stderr, /\[clauth_passphrase_wrong\]/)
    assert.match((await brings(whole, 64, {})).stderr, /\[secret_source_missing\]/)
    const damage: Record<string, (from: string) => void> = {
      'vault.enc cut off': (from) => truncateSync(join(from, 'vault.enc'), 200),
      'scopes.json emptied': (from) => truncateSync(join(from, 'scopes.json'), 0),
      'skill-auth.json of another form': (from) =>
        writeFileSync(join(from, 'skill-auth.json'), '{"tokens":[{"skillId":1}]}'),
      'oauth-tokens.json of another vault': (from) =>
        writeFileSync(join(from, 'oauth-tokens.json'), readFileSync(join(written(asked), 'oauth-tokens.json'))),
      'vault.enc that would take all memory': (from) => {
        const vault = JSON.parse(readFileSync(join(from, 'vault.enc'), 'utf8'))
        vault.kdf.params.memory = 2 ** 30
        writeFileSync(join(from, 'vault.enc'), JSON.stringify(vault))
      },
    }
    for (const [what, change] of Object.entries(damage)) {
      const from = written(asked)
      change(from)
      assert.match((await brings(`${from} --write`, 1)).stderr, /\[clauth_file_damaged\]/, what)
    }
    assert.match((await brings(tmpdir(), 1)).stderr, /\[clauth_home_missing\]/)
    const stored = await world.gateway.does<{ items: { handle: string }[] }>('GET', '/credentials')
    assert.ok(!stored.items.some(({ handle }) => handle === 'late'))
  })

  test('takes the passphrase from a file, does its dry run without a gateway, and is undone', async () => {
    const from = written({ credentials: { back: { provider: 'github', secret: 'ghp_back_0123456789abcdef' } } })
    const file = join(folder, 'passphrase')
    writeFileSync(file, `  ${PASSPHRASE}\n`, { mode: 0o600 })
    const nowhere = { CLAVIGER_HOME: join(folder, 'nowhere') }
    const dry = JSON.parse((await runs(`import clauth ${from} --passphrase-file ${file} --json`, nowhere)).stdout)
    assert.equal(dry.gateway, 'not running')
    await runs(`import clauth ${from} --write`, { ...nowhere, CLAUTH_PASSPHRASE_FILE: file }, 69)
    const { journal } = JSON.parse((await brings(`${from} --write --json`, 0, { CLAUTH_PASSPHRASE_FILE: file })).stdout)
    const env = { CLAVIGER_HOME: world.gateway.home, CLAVIGER_OPERATOR_TOKEN: world.gateway.operatorToken }
    assert.deepEqual(JSON.parse((await runs(`import undo ${journal} --remove --json`, env)).stdout).removed, ['back'])
  })
})
