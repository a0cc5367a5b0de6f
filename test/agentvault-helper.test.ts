// The helper against a real gateway: every command of the contract's section 6, by bash and by dash.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Gateway, repository } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { ADMIN_TOKEN, asAdmin, done, mirror, serviceForm, VaultAgent, vaultEnv } from './instruments/vault-client.ts'

const helper = join(repository, 'agentvault', 'agentvault')
const has = (name: string) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
const missing = ['bash', 'curl', 'jq'].filter((name) => !has(name))
const skip = missing.length === 0 ? false : `without ${missing.join(', ')}`

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

let gateway: Gateway
let upstream: RecordingUpstream
let tony: VaultAgent
let folder: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agentvault-'))
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  upstream.on('text', (_, response) => void response.writeHead(200).end('plain words\n'))
  upstream.on('bad', (_, response) => void response.writeHead(422).end('{"message":"no such thing"}'))
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
  const form = serviceForm('shop', upstream.origin, { masterSecret: 'sk-live-0123456789' })
  const more = { text: { method: 'GET', path: '/text' }, bad: { method: 'POST', path: '/bad' } }
  const allowedActions = [...form.allowedActions, 'text', 'bad']
  done(await asAdmin(gateway, 'addService', { ...form, allowedActions, endpoints: { ...form.endpoints, ...more } }))
})
after(async () => {
  rmSync(folder, { recursive: true, force: true })
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

function run(shell: string, args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ran> {
  const own = { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder }
  const vault = { VAULT_URL: gateway.url, AGENTVAULT_AGENT_TOKEN: tony.credential, AGENTVAULT_AGENT_ID: 'tony' }
  return new Promise((resolve) => {
    const child = execFile(shell, args, { env: { ...own, ...vault, ...env }, timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err })
    })
    // A command that fails at once may be gone before it was given anything.
    child.stdin?.on('error', () => {}).end(input)
  })
}

for (const shell of ['bash', 'dash'].filter(has)) {
  describe(`agentvault, by ${shell}`, { skip }, () => {
    const agentvault = (args: readonly string[], env = {}, input = '') => run(shell, [helper, ...args], env, input)

    test('health is pretty, and says where nobody answers', async () => {
      const { code, out } = await agentvault(['health'])
      assert.deepEqual([code, JSON.parse(out).ok, out.startsWith('{\n')], [0, true, true])
      assert.ok(!/clauth/i.test(out), out)
      const gone = await agentvault(['health'], { VAULT_URL: 'http://127.0.0.1:9/a/clv_secret' })
      assert.deepEqual([gone.code, gone.out], [1, ''])
      assert.match(gone.err, /^error: vault not reachable at http:\/\/127\.0\.0\.1:9\/a\//)
      assert.ok(!gone.err.includes('clv_secret'))
    })

    test('token gives the token alone; call takes it from an option or from standard input', async () => {
      const { out } = await agentvault(['token', 'shop', 'shop:data:read', 'shop:data:write'])
      assert.match(out, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/)
      const json = '{"id":"a \\"b\\" é","n":1}'
      const put = await agentvault(['call', 'shop', 'data.put', '--token', out.trim(), '--json', json])
      assert.deepEqual(JSON.parse(put.out), { method: 'PUT', url: '/v/data/a%20%22b%22%20%C3%A9', body: { n: 1 } })
      const list = await agentvault(['call', 'shop', 'data.list'], {}, out)
      assert.deepEqual([list.code, JSON.parse(list.out)], [0, { method: 'GET', url: '/v/data' }])
      assert.equal((await agentvault(['call', 'shop', 'text'], {}, out)).out, 'plain words\n')
    })

    test('what fails is said on stderr, with status and words, and exits 1', async () => {
      const { out: token } = await agentvault(['token', 'shop', 'shop:data:read'])
      const cases = [
        [['token', 'nothing', 'x'], 'error (403): UNKNOWN_SERVICE\n'],
        [['call', 'shop', 'data.put', '--json', '{"id":1}'], 'error (403): INSUFFICIENT_SCOPE:shop:data:write\n'],
        [['call', 'shop', 'bad'], 'error (422): no such thing\n'],
        [['call', 'shop', 'data.list', '--json', 'nonsense'], 'error: the parameters are no JSON\n'],
        [['services'], 'error: VAULT_ADMIN_TOKEN is not set\n'],
      ] as const
      for (const [args, err] of cases) assert.deepEqual(await agentvault(args, {}, token), { code: 1, out: '', err })
      for (const args of [
        [],
        ['nonsense'],
        ['token', 'shop'],
        ['call', 'shop'],
        ['audit', '--limit'],
        ['revoke', '--x', 'y'],
      ]) {
        const { code, out, err } = await agentvault(args)
        assert.deepEqual([code, out, err.startsWith('usage: agentvault')], [1, '', true], args.join(' '))
      }
    })

    test('services, revoke and audit, with the admin token from a file that is not run', async () => {
      writeFileSync(join(folder, '.env'), `X=$(touch ${folder}/ran)\nexport VAULT_ADMIN_TOKEN="${ADMIN_TOKEN}"\n`)
      const env = { AGENTVAULT_DIR: folder }
      assert.equal(JSON.parse((await agentvault(['services'], env)).out).services[0].service, 'shop')
      const { tokenId } = await tony.issue('shop', ['shop:data:read'])
      const args = ['revoke', '--token', tokenId, '--session', `s-${shell}`, '--task', 't "q"']
      assert.deepEqual(JSON.parse((await agentvault(args, env)).out), {
        ok: true,
        revoked: { tokenId, sessionId: `s-${shell}`, taskId: 't "q"' },
      })
      const rows = JSON.parse((await agentvault(['audit', '--limit', '2', '--event', 'token.revoked'], env)).out)
      assert.deepEqual([rows.at(-1).tokenId, rows.at(-1).reason], [tokenId, 'manual revocation'])
      const own = JSON.parse((await agentvault(['audit', '--agent', 'tony', '--event', 'token.issued'])).out)
      assert.ok(own.length > 0 && own.every((row: { event: string }) => row.event === 'token.issued'))
      assert.equal(spawnSync('ls', [join(folder, 'ran')]).status !== 0, true)
    })

    test('an address that holds the agent’s token is enough', async () => {
      const env = { VAULT_URL: `${gateway.url}/a/${tony.credential}/`, AGENTVAULT_AGENT_TOKEN: '' }
      assert.match((await agentvault(['token', 'shop', 'shop:data:read'], env)).out, /^eyJ/)
    })

    test('revoke takes the token itself, and refuses to revoke nothing', async () => {
      const env = { VAULT_URL: `${gateway.url}/a/${tony.credential}/`, AGENTVAULT_AGENT_TOKEN: '' }
      const token = (await agentvault(['token', 'shop', 'shop:data:read'], env)).out.trim()
      const { revoked } = JSON.parse((await agentvault(['revoke', '--token', token], env)).out)
      assert.match(revoked.tokenId, /^[0-9a-f-]{36}$/)
      const after = await agentvault(['call', 'shop', 'data.get', '--token', token, '--json', '{"id":7}'], env)
      assert.deepEqual([after.code, after.err], [1, 'error (403): TOKEN_REVOKED\n'])
      for (const nothing of [[], ['--token', ''], ['--reason', 'x']]) {
        assert.equal((await agentvault(['revoke', ...nothing], env)).code, 1)
      }
    })

    test('its functions work where it is sourced, and nothing runs by that', async () => {
      const script = `. ${helper}; token=$(agentvault_token shop shop:data:read) && agentvault_call "$token" shop data.get '{"id":7}'`
      const { code, out } = await run(shell, ['-c', script])
      assert.deepEqual([code, JSON.parse(out)], [0, { method: 'GET', url: '/v/data/7' }])
    })

    test('it says which tool is missing', async () => {
      const { code, err } = await run(
        spawnSync('sh', ['-c', `command -v ${shell}`])
          .stdout.toString()
          .trim(),
        ['-c', `PATH=/nowhere; . ${helper}; agentvault_health`],
      )
      assert.deepEqual([code, err], [1, 'error: curl is not installed\n'])
    })
  })
}

test('shellcheck finds nothing', { skip: has('shellcheck') ? false : 'without shellcheck' }, () => {
  for (const dialect of ['bash', 'dash']) {
    const { status, stdout } = spawnSync('shellcheck', ['-s', dialect, helper])
    assert.equal(status, 0, stdout.toString())
  }
})
