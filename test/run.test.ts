// `claviger run`: programs that know nothing of the gateway, as they are.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { asOperator } from './instruments/command-line.ts'
import { repository } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'
import { furnish, type World, world } from './instruments/world.ts'

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const missing = (program: string) =>
  spawnSync(program, ['--version']).error === undefined || spawnSync(program, ['version']).error === undefined
    ? false
    : `${program} is not installed`

// Not loopback: Go asks no proxy for that, whatever its environment says.
describe('claviger run', { skip: noOpenssl() ?? noOwnAddress }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-run-test-'))
  const secret = 'sk-of-the-service-0123456789'
  let authority: Authority
  let around: World
  let upstream: Awaited<ReturnType<typeof tlsUpstream>>
  let url = ''

  before(async () => {
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue({ names: `IP:${ownAddress}` }))
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    url = `https://${ownAddress}:${upstream.port}`
    const service = { addresses: [`${ownAddress}/32`], trust: authority.pem }
    await furnish(around.gateway, { name: 'secured', origins: [url], secret, service })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => void upstream.sent.splice(0))

  /** As at a terminal whose environment holds a real key, and a proxy of before. */
  function runs(command: readonly string[], options: readonly string[] = [], more: object = {}): Promise<Ran> {
    const { home, operatorToken, port } = around.gateway
    const env = {
      ...{
        PATH: process.env.PATH,
        HOME: folder,
        OPENAI_API_KEY: 'sk-real-0123456789abcdef',
        https_proxy: 'http://127.0.0.1:9',
      },
      ...{ CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port), LANG: 'C.UTF-8' },
      ...more,
    }
    const args = [
      join(repository, 'bin', 'claviger.js'),
      'run',
      '--agent',
      'agent-of-secured',
      ...options,
      '--',
      ...command,
    ]
    return new Promise((resolve) => {
      execFile(process.execPath, args, { env, timeout: 120_000, cwd: folder }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
      })
    })
  }

  async function reaches(command: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await runs(command)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /"hello": ?"\/v1\/who"/)
    assert.deepEqual(
      upstream.sent.map(({ headers }) => headers.authorization),
      [`Bearer ${secret}`],
    )
  }

  test('gives a service to curl', { skip: missing('curl') }, () => reaches(['curl', '-sS', `${url}/v1/who`]))

  test('to fetch of Node', () =>
    reaches([process.execPath, '-e', `fetch('${url}/v1/who').then((r) => r.text()).then(console.log)`]))

  test('leaves hosts that a rule lets through to whom the command trusts anyway', {
    skip: missing('curl'),
  }, async () => {
    const other = await tlsUpstream(authority.issue())
    const origin = `localhost:${other.port}`
    const rule = { name: 'mirror', effect: 'allow', match: { hosts: [origin] }, addresses: ['127.0.0.0/8', '::1/128'] }
    await around.gateway.does('POST', '/rules', rule)
    try {
      const curl = ['curl', '-sS', '--noproxy', '', `https://${origin}/v1/who`]
      const { code, stdout, stderr } = await runs(curl, [], { SSL_CERT_FILE: authority.cert })
      assert.equal(code, 0, stderr)
      assert.match(stdout, /"\/v1\/who"/)
      assert.equal((await runs(curl)).code, 60)
      const told = await asOperator(around.gateway, 'audit tail')
      assert.ok(told.stdout.includes(`CONNECT https://${origin} allow`), told.stdout)
    } finally {
      await around.gateway.does('DELETE', '/rules/mirror')
      await other.close()
    }
  })

  test('to urllib of Python', { skip: missing('python3') }, () =>
    reaches(['python3', '-c', `import urllib.request as u; print(u.urlopen('${url}/v1/who').read().decode())`]),
  )

  test('to net/http of Go', { skip: missing('go'), timeout: 240_000 }, async () => {
    writeFileSync(
      join(folder, 'main.go'),
      `package main\nimport ("fmt"; "io"; "net/http"; "os")\nfunc main() {\n\tr, err := http.Get("${url}/v1/who")\n\tif err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }\n\tb, _ := io.ReadAll(r.Body)\n\tfmt.Println(string(b))\n}\n`,
    )
    const env = { ...process.env, GOCACHE: join(folder, 'go-cache'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' }
    const built = spawnSync('go', ['build', '-o', join(folder, 'who'), join(folder, 'main.go')], {
      env,
      encoding: 'utf8',
    })
    assert.equal(built.status, 0, built.stderr)
    await reaches([join(folder, 'who')])
  })

  test('to git', { skip: missing('git') }, async () => {
    const { code, stderr } = await runs(['env', 'GIT_CURL_VERBOSE=1', 'git', 'ls-remote', `${url}/repo.git`])
    assert.notEqual(code, 1, stderr)
    const [sent] = upstream.sent
    assert.equal(sent?.url, '/repo.git/info/refs?service=git-upload-pack')
    assert.equal(sent?.headers.authorization, `Bearer ${secret}`)
  })

  test('leaves no secret in the environment, and no way to other hosts', async () => {
    const shown = await runs(['sh', '-c', 'env; umask'])
    assert.doesNotMatch(shown.stdout, /OPENAI_API_KEY|CLAVIGER_OPERATOR_TOKEN|sk-real/)
    assert.match(shown.stderr, /OPENAI_API_KEY/)
    assert.ok(!shown.stdout.includes('127.0.0.1:9\n'), 'the proxy of before')
    const kept = await runs(['sh', '-c', 'echo "$OPENAI_API_KEY"'], ['--keep-env', 'OPENAI_API_KEY'])
    assert.equal(kept.stdout, 'sk-real-0123456789abcdef\n')
    const other = await runs(['curl', '-sS', 'https://example.com/'])
    assert.notEqual(other.code, 0)
    assert.match(other.stderr, /403/)
  })

  test('ends the token with the command, and has its exit code', async () => {
    const { code, stdout } = await runs(['sh', '-c', 'echo "$HTTPS_PROXY"; exit 7'])
    assert.equal(code, 7)
    const token = new URL(stdout.trim()).password
    const again = await around.gateway.agent('GET', '/to/secured/v1/who', {
      headers: { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` },
    })
    assert.equal(again.status, 401)
  })

  test('says what cannot be started', async () => {
    const { code, stderr } = await runs(['no-such-command'])
    assert.equal(code, 1)
    assert.match(stderr, /command_not_started/)
  })
})
