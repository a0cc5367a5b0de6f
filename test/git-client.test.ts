// git as it is, by proxy, by base URL and by addresses of SSH.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PushWorld } from '../src/approvals/shown/git/push.support.ts'
import { noBubblewrap } from './instruments/bubblewrap.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { repository } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'
import { furnish, type World, world } from './instruments/world.ts'

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const noGit = spawnSync('git', ['--version']).error === undefined ? undefined : 'git is not installed'

describe('git through the gateway', { skip: noGit ?? noOpenssl() ?? noOwnAddress }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-git-'))
  const [home, work] = [join(folder, 'home'), join(folder, 'work')]
  const program = join(repository, 'bin', 'claviger.js')
  let authority: Authority
  let around: World
  let upstream: Awaited<ReturnType<typeof tlsUpstream>>
  let git: PushWorld
  let base = ''

  before(async () => {
    for (const one of [home, work]) mkdirSync(one)
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue({ names: `IP:${ownAddress}` }))
    git = await PushWorld.open()
    await git.commit('begin', { 'one.txt': 'one\n' })
    await git.git('push', '-q', 'origin', 'main')
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    const { gateway } = around
    const origins = [`https://${ownAddress}:${upstream.port}`]
    const service = { addresses: [`${ownAddress}/32`], trust: authority.pem }
    await furnish(gateway, { name: 'forge', origins, secret: 'sk-of-the-forge-0123456789', service })
    await furnish(gateway, { name: 'git', origins: [git.origin], secret: 'sk-of-git-0123456789' })
    base = `http://127.0.0.1:${gateway.port}/to/git/o/r.git`
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await git[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })

  function claviger(args: readonly string[], more: NodeJS.ProcessEnv = {}, input = ''): Promise<Ran> {
    const { home: ours, operatorToken, port } = around.gateway
    const own = { CLAVIGER_HOME: ours, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) }
    const env = { PATH: process.env.PATH, HOME: home, GIT_TERMINAL_PROMPT: '0', ...own, ...more }
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [program, ...args], { env, cwd: work }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      )
      child.stdin?.end(input)
    })
  }
  const runs = (agent: string, ...words: string[]) => claviger(['run', '--agent', `agent-of-${agent}`, ...words])

  async function unauthenticated(): Promise<number> {
    const { items } = await around.gateway.does<{ items: { decision: { reasons: readonly string[] } }[] }>(
      'GET',
      '/audit/records?type=deny&limit=100',
    )
    return items.filter(({ decision }) => decision.reasons.includes('unauthenticated')).length
  }

  for (const [what, remote] of [
    ['the short form', (host: string) => `git@${host}:o/r.git`],
    ['a URL', (host: string) => `ssh://git@${host}/o/r.git`],
  ] as const)
    test(`goes by HTTPS where an address of SSH is given, as ${what}, and shows its token at once`, async () => {
      const before = await unauthenticated()
      upstream.sent.splice(0)
      await runs('forge', '--', 'git', 'ls-remote', remote(ownAddress ?? ''))
      assert.equal(upstream.sent[0]?.url, '/o/r.git/info/refs?service=git-upload-pack')
      assert.equal(upstream.sent[0]?.headers.authorization, 'Bearer sk-of-the-forge-0123456789')
      assert.equal(await unauthenticated(), before)
    })

  test('clones and pushes by a base URL, with the token of the run', async () => {
    const cloned = await runs('git', '--', 'git', 'clone', '-q', '-b', 'main', base, 'clone')
    assert.equal(cloned.code, 0, cloned.stderr)
    assert.equal(readFileSync(join(work, 'clone', 'one.txt'), 'utf8'), 'one\n')
    const change =
      'cd clone && echo two > two.txt && git add . && git -c user.name=A -c user.email=a@b.test commit -qm two && git push -q origin main'
    const pushed = await runs('git', '--', 'sh', '-c', change)
    assert.equal(pushed.code, 0, pushed.stderr)
    assert.match(await git.git('ls-remote', 'origin', 'main'), /refs\/heads\/main/)
    const left = readFileSync(join(work, 'clone', '.git', 'config'), 'utf8')
    assert.doesNotMatch(left, /clv_|password|Authorization/i)
  })

  test('clones so when it is isolated', { skip: noBubblewrap() }, async () => {
    const { code, stderr } = await runs('git', '--isolate', '--', 'git', 'clone', '-q', '-b', 'main', base, 'isolated')
    assert.equal(code, 0, stderr)
    assert.equal(readFileSync(join(work, 'isolated', 'one.txt'), 'utf8'), 'one\n')
  })

  describe('claviger git-credential', () => {
    const given = (operation: string, host: string, protocol = 'http') => {
      const { port } = around.gateway
      const env = { CLAVIGER_TOKEN: around.token, CLAVIGER_URL: `http://127.0.0.1:${port}` }
      return claviger(['git-credential', operation], env, `protocol=${protocol}\nhost=${host}\n\n`)
    }
    test('gives the token for the gateway', async () => {
      const { code, stdout } = await given('get', `127.0.0.1:${around.gateway.port}`)
      assert.deepEqual([code, stdout], [0, `username=claviger\npassword=${around.token}\n`])
    })
    for (const [operation, host, protocol] of [
      ['get', 'github.com', 'https'],
      ['get', '127.0.0.1', 'http'],
      ['get', '127.0.0.1:1', 'http'],
      ['store', 'gateway', 'http'],
      ['erase', 'gateway', 'http'],
      ['get', 'gateway', 'https'],
    ] as const)
      test(`gives nothing to ${operation} for ${protocol}://${host}, and is content`, async () => {
        const place = host === 'gateway' ? `127.0.0.1:${around.gateway.port}` : host
        const { code, stdout } = await given(operation, place, protocol)
        assert.deepEqual([code, stdout], [0, ''])
      })
  })
})
