// Everyday clients as they are, through `claviger run`: what they do, and not merely that they connect.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { type EverydayService, everydayService } from './instruments/everyday-service.ts'
import { repository } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { furnish, type World, world } from './instruments/world.ts'

/** Why a client cannot be tried here; false where it can. */
const missing = (program: string, ...args: string[]) => {
  const { error, status } = spawnSync(program, args.length === 0 ? ['--version'] : args)
  return error === undefined && status === 0 ? false : `${[program, ...args].join(' ')} does not run here`
}
const noRequests = missing('python3', '-c', 'import requests')
const noGit = missing('git', 'http-backend', '--help') && missing('git')

describe('claviger run, for everyday clients', { skip: noOpenssl() ?? noOwnAddress, timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-clients-'))
  const secret = 'sk-of-every-day-0123456789'
  const author = ['-c', 'user.name=Ann', '-c', 'user.email=ann@shop.test']
  let authority: Authority
  let around: World
  let service: EverydayService
  let url = ''
  /** npm checks no certificate for an address rightly behind a proxy. */
  const named = () => `https://localhost:${service.port}`

  before(async () => {
    authority = new Authority()
    mkdirSync(join(folder, 'home'))
    const issued = authority.issue({ names: `IP:${ownAddress},DNS:localhost` })
    service = await everydayService({ issued, host: '0.0.0.0', secret, folder })
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    url = `https://${ownAddress}:${service.port}`
    const described = { addresses: [`${ownAddress}/32`], trust: authority.pem }
    await furnish(around.gateway, { name: 'everyday', origins: [url], secret, service: described })
    const here = { origins: [named()], addresses: ['127.0.0.0/8', '::1'], trust: authority.pem }
    await around.gateway.does('POST', '/services', { name: 'named', injection: { kind: 'bearer' }, ...here })
    await around.gateway.does('POST', '/credentials', { handle: 'named-key', service: 'named', secret })
    await around.gateway.does('POST', '/grants', { agent: 'agent-of-everyday', service: 'named', scopes: ['named:*'] })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await service.close()
    authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    service.served.splice(0)
    service.refused.splice(0)
  })

  /** Resolves to what it printed; rejects unless it ends well. */
  function runs(...command: string[]): Promise<string> {
    const { home, operatorToken, port } = around.gateway
    const env = {
      ...{ PATH: process.env.PATH, HOME: join(folder, 'home'), LANG: 'C.UTF-8' },
      ...{ GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) },
    }
    const args = [join(repository, 'bin', 'claviger.js'), 'run', '--agent', 'agent-of-everyday', '--', ...command]
    return new Promise((resolve, reject) => {
      execFile(process.execPath, args, { env, timeout: 120_000, cwd: folder }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command[0]}: ${error.code}\n${stdout}\n${stderr}`))
      })
    })
  }

  const git = (...args: string[]) => {
    const { status, stderr, stdout } = spawnSync('git', args, {
      env: { PATH: process.env.PATH, HOME: join(folder, 'home'), GIT_CONFIG_NOSYSTEM: '1' },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    return stdout.trim()
  }

  test('git clones and pushes over HTTPS', { skip: noGit }, async () => {
    const bare = join(folder, 'git', 'repo.git')
    git('init', '-q', '--bare', '-b', 'main', bare)
    git('-C', bare, 'config', 'http.receivepack', 'true')
    const first = join(folder, 'first')
    git('init', '-q', '-b', 'main', first)
    writeFileSync(join(first, 'read.me'), 'a'.repeat(200_000))
    git('-C', first, 'add', '-A')
    git('-C', first, ...author, 'commit', '-q', '-m', 'begin')
    git('-C', first, 'push', '-q', bare, 'main')

    const work = join(folder, 'work')
    await runs('git', 'clone', '-q', `${url}/git/repo.git`, work)
    assert.equal(readFileSync(join(work, 'read.me'), 'utf8').length, 200_000)
    writeFileSync(join(work, 'more'), 'more\n')
    git('-C', work, 'add', '-A')
    git('-C', work, ...author, 'commit', '-q', '-m', 'more')
    await runs('git', '-C', work, 'push', '-q', 'origin', 'main')
    assert.equal(git('-C', bare, 'rev-parse', 'main'), git('-C', work, 'rev-parse', 'HEAD'))
    await runs('git', '-C', work, 'fetch', '-q', 'origin')
    assert.ok(service.served.includes('POST /git/repo.git/git-receive-pack'))
    assert.deepEqual(service.refused, [])
  })

  test('npm installs a package from a registry', { skip: missing('npm') }, async () => {
    const project = join(folder, 'project')
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), '{"name":"project","private":true}')
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
    await runs('npm', 'install', '--prefix', project, '--registry', `${named()}/npm/`, ...quiet, 'hello-claviger')
    const main = join(project, 'node_modules', 'hello-claviger', 'index.js')
    assert.match(readFileSync(main, 'utf8'), /from the registry/)
    assert.equal(service.served.length, 2)
    assert.deepEqual(service.refused, [])
  })

  test('Python asks with requests', { skip: noRequests }, async () => {
    const asked = `import requests as r; s = r.Session(); print(s.get('${url}/v1/a').json(), s.post('${url}/v1/b', json={'n': 1}).json())`
    assert.equal(await runs('python3', '-c', asked), "{'hello': '/v1/a'} {'hello': '/v1/b'}\n")
    assert.deepEqual(service.refused, [])
  })

  test('Node speaks WebSocket with its own client', async () => {
    const asked = `
      const socket = new WebSocket('${url.replace('https', 'wss')}/live')
      socket.onerror = ({ message }) => { console.error(message); process.exit(1) }
      socket.onopen = () => socket.send('hello')
      socket.onmessage = ({ data }) => { console.log(data); socket.close() }`
    assert.equal(await runs(process.execPath, '-e', asked), 'hello\n')
    assert.deepEqual([service.served, service.refused], [['GET /live'], []])
  })

  test('gh asks its API', { skip: missing('gh') }, async () => {
    const host = `${ownAddress}:${service.port}`
    const shown = await runs('env', `GH_HOST=${host}`, 'GH_ENTERPRISE_TOKEN=x', 'gh', 'api', 'user')
    assert.match(shown, /"hello":"\/api\/v3\/user"/)
  })
})
