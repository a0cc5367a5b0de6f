// The command `clauth`, as scripts that were written for Clauth see it (clauth.md §4).
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { runClauth } from '../src/cli/clauth/run-clauth.ts'
import type { Terminal } from '../src/cli/terminal.ts'
import { VERSION } from '../src/version.ts'
import { ClauthWorld } from './instruments/clauth-world.ts'
import { runs as claviger } from './instruments/command-line.ts'
import { Gateway, repository } from './instruments/gateway.ts'
import { github, plain } from './instruments/planted-secrets.ts'
import { until } from './instruments/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'clauth-cli-'))
let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
})
after(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function runs(args: readonly string[], more: Record<string, string> = {}, stdin = ''): Promise<Ran> {
  const { home, operatorToken, port } = world.gateway
  const env = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port), ...more }
  const [stdout, stderr, input] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const said = { stdout: '', stderr: '' }
  stdout.on('data', (text) => {
    said.stdout += text
  })
  stderr.on('data', (text) => {
    said.stderr += text
  })
  input.end(stdin)
  const code = await runClauth(args, { env, stdin: input, stdout, stderr } as unknown as Terminal)
  return { code, ...said }
}

/** Of a verb that succeeds: what it answers, which is JSON with two spaces. */
async function json(line: string, more: Record<string, string> = {}, stdin = '') {
  const ran = await runs(line.split(' '), more, stdin)
  assert.deepEqual([ran.code, ran.stderr], [0, ''], `clauth ${line}\n${ran.stdout}`)
  const read = JSON.parse(ran.stdout)
  assert.equal(ran.stdout, `${JSON.stringify(read, null, 2)}\n`)
  return read
}

async function refused(line: string, more: Record<string, string> = {}): Promise<string> {
  const ran = await runs(line.split(' '), more)
  assert.deepEqual([ran.code, ran.stdout], [1, ''], `clauth ${line}`)
  return ran.stderr.trimEnd()
}

describe('clauth', () => {
  test('stores credentials, of a provider that Clauth knew without more, with lists in their metadata', async () => {
    const stored = await json(
      'store --handle gh --provider GitHub --secret-stdin --ttl 3600',
      {},
      'ghp_from_stdin_01\n',
    )
    assert.deepEqual(Object.keys(stored), ['handle', 'provider', 'createdAt', 'expiresAt'])
    assert.equal(Math.round((Date.parse(stored.expiresAt) - Date.parse(stored.createdAt)) / 1_000), 3_600)
    const line =
      'store --handle in --provider inner --secret-env K --metadata allowedHosts=a.example,b.example,tier=gold'
    assert.equal((await json(line, { K: 'sk-from-the-environment' })).expiresAt, null)
    assert.equal((await json(line, { K: 'sk-from-the-environment-2' })).handle, 'in')
    const { items } = await world.gateway.does<{ items: { name: string; origins: string[] }[] }>('GET', '/services')
    assert.deepEqual(items.find(({ name }) => name === 'inner')?.origins, ['https://a.example', 'https://b.example'])
    const kept = await world.gateway.does<{ items: { handle: string; version: number; meta: object }[] }>(
      'GET',
      '/credentials',
    )
    const { version, meta } = kept.items.find(({ handle }) => handle === 'in') ?? {}
    assert.deepEqual([version, meta], [2, { tier: 'gold' }])
  })

  test('grants, and the token it issues is good at the door; revokes, and it is not', async () => {
    const line = 'grant --skill s1 --provider github --scope github:read --rpm 9 --handle main'
    const { createdAt, updatedAt, ...granted } = await json(line)
    assert.equal(createdAt, updatedAt)
    const [skillId, provider, scope] = ['s1', 'github', 'github:read']
    assert.deepEqual(granted, { skillId, provider, scope, rateLimitPerMinute: 9, active: true, handles: ['main'] })
    const { token, note } = await json('skill-token issue --skill s1')
    assert.equal(note, 'Store this token securely; it is shown only once.')
    world.upstream.on('ok', (_request, response) => void response.end('fine'))
    const call = () => world.proxy({ skillId, endpoint: world.url('/ok') }, { 'x-clauth-skill-token': token })
    assert.equal((await call()).status, 200)
    const [listed] = (await json('skill-token list --skill s1')).tokens
    assert.deepEqual([listed.skillId, listed.active], ['s1', true])
    assert.deepEqual(await json('revoke --skill s1 --provider github --scope github:read'), { revoked: 1 })
    assert.equal((await call()).status, 403)
    assert.equal(await refused('revoke --skill s1'), '[NOT_FOUND] No matching active grant found.')
    assert.deepEqual(await json('skill-token revoke --skill s1'), { skillId: 's1', revoked: true })
    assert.equal((await call()).status, 401)
  })

  test('issues sessions and ends them', async () => {
    const issued = await json('session-token issue --skill s2 --scope github:read --ttl 60')
    assert.deepEqual(Object.keys(issued), ['skillId', 'token', 'jti', 'issuedAt', 'expiresAt'])
    const { revoked, jti } = await json(`session-token revoke --token ${issued.token}`)
    assert.deepEqual([revoked, jti], [true, issued.jti])
    const { revocations } = await json('session-token list')
    assert.deepEqual([revocations[0].jti, revocations[0].reason], [issued.jti, 'cli'])
    assert.match(await refused('session-token revoke'), /^\[VALIDATION_ERROR\] token or jti is required/)
  })

  test('loses no grant of fifty that are given at once', async () => {
    const lines = Array.from({ length: 50 }, (_, at) => `grant --skill many-${at} --provider github --scope github:get`)
    await Promise.all(lines.map((line) => json(line)))
    const { items } = await world.gateway.does<{ items: { skillId: string }[] }>('GET', '/clauth/grants')
    assert.equal(items.filter(({ skillId }) => skillId.startsWith('many-')).length, 50)
  })

  test('tells of its state, and the doctor of what is unsafe', async () => {
    const status = await json('status')
    const names = ['daemon', 'transport', 'provisionedSkillTokens', 'activeGrants', 'credentialCount', 'auditIntegrity']
    assert.deepEqual(Object.keys(status), names)
    assert.deepEqual([status.daemon, status.auditIntegrity.valid], [world.gateway.url, true])
    assert.equal((await json('status', { CLAVIGER_OPERATOR_TOKEN: '' })).credentialCount, null)
    const { passed, checks } = await json('doctor')
    assert.equal(passed, true)
    const wanted =
      'config hardening.loopback-host hardening.remote-access hardening.insecure-http hardening.admin-token'
    const more = 'hardening.identity-admin-gate scope-store audit-integrity paths skill-auth-store'
    assert.deepEqual(
      checks.map(({ check }: { check: string }) => check),
      `${wanted} ${more}`.split(' '),
    )
    const unsafe = await runs(['doctor'], { CLAUTH_ALLOW_REMOTE: '1' })
    assert.deepEqual([unsafe.code, JSON.parse(unsafe.stdout).passed], [1, false])
  })

  test('makes admin tokens, and the doctor says what is wrong with one, without showing it to anybody', async () => {
    const { token, note } = await json('admin-token')
    assert.match(token, /^[0-9a-f]{64}$/)
    assert.equal(typeof note, 'string')
    const check = async (given: string, more: Record<string, string> = {}) => {
      const { stdout } = await runs(['doctor'], { CLAUTH_ADMIN_TOKEN: given, ...more })
      const { checks } = JSON.parse(stdout) as { checks: { check: string; ok: boolean; detail: string }[] }
      const found = checks.find((one) => one.check === 'hardening.admin-token')
      assert.ok(given === '' || !found?.detail.includes(given))
      return [found?.ok, found?.detail]
    }
    assert.deepEqual(await check(token), [true, 'set, and beyond guessing'])
    const [chosen, paused] = await check('chosen-by-somebody')
    assert.deepEqual([chosen, /clauth admin-token/.test(String(paused))], [true, true])
    assert.equal((await check('short'))[0], false)
    assert.match(String((await check(''))[1]), /the gateway was started with one$/)
    assert.match(String((await check('', { CLAVIGER_PORT: '1' }))[1]), /without it admin routes answer 503$/)
    await using without = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    const [ok, detail] = await check(token, { CLAVIGER_PORT: String(without.port) })
    assert.deepEqual([ok, /the gateway has none/.test(String(detail))], [false, true])
  })

  test('says how it is used, all of it or one verb, and its version', async () => {
    const [all, ...others] = [await runs(['--help']), await runs(['help']), await runs(['-h']), await runs([])]
    assert.deepEqual([all?.code, all?.stderr], [0, ''])
    for (const other of others) assert.deepEqual(other, all)
    for (const verb of ['store', 'grant', 'skill-token issue', 'session-token revoke', 'admin-token']) {
      assert.ok(all?.stdout.includes(`\n  clauth ${verb}`), verb)
    }
    for (const words of [
      ['store', '--help'],
      ['store', '--handle', 'h', '-h'],
    ]) {
      const one = await runs(words)
      assert.deepEqual([one.code, one.stderr], [0, ''])
      assert.match(one.stdout, /^Usage:\n {2}clauth store [^\n]*--secret-stdin[^\n]*\n$/)
    }
    const versioned = await runs(['--version'])
    assert.deepEqual([versioned.code, versioned.stdout, versioned.stderr], [0, `${VERSION}\n`, ''])
  })

  test('migrates an openclaw.json, without --write in words alone', async () => {
    const path = join(mkdtempSync(join(folder, 'oc-')), 'openclaw.json')
    writeFileSync(path, JSON.stringify({ models: { providers: { github: { apiKey: github } } } }), { mode: 0o600 })
    const dry = await json(`migrate --from ${path}`)
    assert.deepEqual([dry.replaced, dry.dryRun, dry.fromPath, dry.sample[0].provider], [1, true, path, 'github'])
    assert.ok(readFileSync(path, 'utf8').includes(github))
    const done = await json(`migrate --from ${path} --write`)
    assert.deepEqual([done.replaced, done.fromPath], [1, path])
    assert.ok(!readFileSync(path, 'utf8').includes(github))
    assert.equal((await json(`migrate --from ${path}`)).replaced, 0)
  })

  test('refuses in one line with a code, repeats no secret, and ends with 1', async () => {
    const table: Record<string, RegExp> = {
      'grant --skill s --provider github --scope a:b:c':
        /^\[VALIDATION_ERROR\] Scope must follow provider:action format\./,
      'grant --skill s --provider github --scope slack:read':
        /^\[VALIDATION_ERROR\] Scope provider must match provider or wildcard\./,
      'grant --skill s --provider nobody-knows --scope nobody-knows:read': /^\[VALIDATION_ERROR\] No endpoint policy/,
      'grant --skill s --provider github --scope github:read --rmp 3': /^\[VALIDATION_ERROR\] Unknown flag --rmp\./,
      'grant --skill s': /^\[VALIDATION_ERROR\] --scope is required|--provider is required/,
      [`store --handle h --provider github --secret ${plain}`]:
        /^\[VALIDATION_ERROR\] A secret may not stand on the command line\..*--secret-env NAME or --secret-stdin, /,
      'store --handle h --provider github': /^\[VALIDATION_ERROR\] Exactly one of/,
      'identity list': /^\[NOT_AVAILABLE\]/,
      'advisory check': /^\[NOT_AVAILABLE\]/,
      'service doctor': /^\[NOT_AVAILABLE\]/,
    }
    for (const [line, wanted] of Object.entries(table)) {
      const said = await refused(line)
      assert.match(said, wanted, line)
      assert.ok(!said.includes(plain))
    }
    const short = { CLAUTH_PASSPHRASE: 'too short', CLAVIGER_HOME: join(folder, 'never') }
    for (const line of ['init', 'daemon']) {
      assert.equal(await refused(line, short), '[VALIDATION_ERROR] Passphrase must be at least 12 characters.')
    }
    assert.match(await refused('status', { CLAVIGER_PORT: '1' }), /^\[GATEWAY_NOT_RUNNING\]/)
    assert.match(await refused('emergency-revoke', { CLAVIGER_OPERATOR_TOKEN: '' }), /^\[UNAUTHORIZED\]/)
    assert.deepEqual(
      [(await runs([])).code, (await runs(['what'])).code, (await runs(['skill-token'])).code],
      [0, 1, 1],
    )
  })

  test('stops everything at once', async () => {
    const { revoked } = await json('emergency-revoke')
    assert.ok(revoked >= 50)
    assert.equal((await world.proxy()).status, 401)
  })
})

describe('the command clauth', () => {
  const bin = join(repository, 'bin', 'clauth.js')
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CLAVIGER|CLAUTH)_/.test(name)))

  function start(args: string[], env: Record<string, string>): ChildProcess {
    return spawn(process.execPath, [bin, ...args], { env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  }

  test('makes a home where CLAUTH_HOME says, and serves at the socket that it was told of', async () => {
    const home = join(folder, 'own')
    const socket = join(folder, 'clauth.sock')
    const env = { CLAUTH_HOME: home, CLAVIGER_PORT: '0', CLAVIGER_LOG: 'error' }
    const made = start(['init', '--transport', 'unix', '--socket', socket], env)
    const lines: string[] = []
    for await (const line of createInterface({ input: made.stdout! })) lines.push(line)
    assert.deepEqual(lines.slice(0, 3), ['Clauth initialized.', `Home: ${home}`, `Daemon: unix://${socket}`])
    assert.match(lines[3] ?? '', /CLAVIGER_OPERATOR_TOKEN=clv_op_/)
    const token = /clv_op_\w+/.exec(lines[3] ?? '')?.[0] ?? ''
    const own = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: token, P: 'seventeen brass kettles whistle' }
    await serving(env, async (said) => {
      assert.equal(said, `Clauth daemon listening on unix://${socket}\n`)
      await claviger('passphrase set --secret-env P --only', own)
    })
    rmSync(`${home}.key`)
    await serving(env, () => claviger('grants', own, 1))
    const state = async () => JSON.parse((await claviger('status --json', own)).stdout).vault.state
    await serving({ ...env, CLAUTH_PASSPHRASE: own.P }, async () => assert.equal(await state(), 'unsealed'))
  })

  /** While the daemon runs. */
  async function serving(env: Record<string, string>, work: (said: string) => Promise<unknown>): Promise<void> {
    const child = start(['daemon'], env)
    try {
      let said = ''
      child.stdout?.on('data', (text) => {
        said += text
      })
      await until(() => said.includes('\n') || child.exitCode !== null)
      await work(said)
    } finally {
      const gone = once(child, 'close')
      child.kill('SIGTERM')
      const [code] = await gone
      assert.equal(code, 0)
    }
  }
})
