// Everyday clients as they are, through `claviger run`: what they do, and not merely that they connect.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { KEY_ID_BEGINS, MARK } from '../src/ground/placeholder-shape.ts'
import { type AwsService, awsService } from './instruments/aws-service.ts'
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
const noBoto = missing('python3', '-c', 'import boto3')
const noAws = missing('aws')
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
    return runsAs('agent-of-everyday', {}, ...command)
  }

  function runsAs(agent: string, more: Record<string, string>, ...command: string[]): Promise<string> {
    const { home, operatorToken, port } = around.gateway
    const env = {
      ...{ PATH: process.env.PATH, HOME: join(folder, 'home'), LANG: 'C.UTF-8' },
      ...{ GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) },
      ...more,
    }
    const args = [join(repository, 'bin', 'claviger.js'), 'run', '--agent', agent, '--', ...command]
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

  test('Node asks with an agent of its own, as SDKs do', async () => {
    const asked = `
      import https, { Agent } from 'node:https'
      class Other extends Agent {}
      const ask = (agent) => new Promise((done) => {
        https.get('${url}/v1/a', { agent }, (answer) => answer.setEncoding('utf8').on('data', done)).on('error', ({ code }) => done(code))
      })
      console.log(await ask(new Agent({ keepAlive: true })), await ask(https.Agent()))
      console.log(new Agent() instanceof https.Agent, new Other() instanceof Other)
      process.exit()`
    const shown = await runs(process.execPath, '--input-type=module', '-e', asked)
    assert.equal(shown, '{"hello":"/v1/a"} {"hello":"/v1/a"}\ntrue true\n')
    assert.deepEqual(service.refused, [])
  })

  test('gh asks its API', { skip: missing('gh') }, async () => {
    const host = `${ownAddress}:${service.port}`
    const shown = await runs('env', `GH_HOST=${host}`, 'GH_ENTERPRISE_TOKEN=x', 'gh', 'api', 'user')
    assert.match(shown, /"hello":"\/api\/v3\/user"/)
  })

  describe('of AWS', () => {
    const keys = {
      id: 'ASIAQ3EGRIEXAMPLE234',
      secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      session: 'FwoGZXIvYXdzEXAMPLE==',
    }
    const region = 'eu-west-1'
    const here: Record<'sts' | 's3', AwsService> = {} as never
    const at = (name: 'sts' | 's3') => `https://${ownAddress}:${here[name].port}`
    /** With the person's own keys, which the command is not to see. */
    const environment = () => ({
      ...{
        AWS_DEFAULT_REGION: region,
        AWS_REGION: region,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      ...{ AWS_ACCESS_KEY_ID: keys.id, AWS_SECRET_ACCESS_KEY: keys.secret, AWS_SESSION_TOKEN: keys.session },
      ...{ AWS_PROFILE: 'work', AWS_CREDENTIAL_EXPIRATION: '2026-01-01T00:00:00Z' },
    })
    const asked = (name: 'sts' | 's3', ...command: string[]) => runsAs(`agent-of-${name}`, environment(), ...command)
    const file = join(folder, 'megabyte')

    before(async () => {
      writeFileSync(file, Buffer.alloc(1024 * 1024, 'a text that is no key\n'))
      for (const name of ['sts', 's3'] as const) {
        const issued = authority.issue({ names: `IP:${ownAddress}` })
        here[name] = await awsService({ issued, host: '0.0.0.0', keys, region, service: name })
        const described = { addresses: [`${ownAddress}/32`], trust: authority.pem }
        const service = { ...described, injection: { kind: 'sigv4', region, service: name } }
        const secret = Object.values(keys).join(':')
        await furnish(around.gateway, { name, origins: [at(name)], secret, service })
      }
    })
    after(async () => {
      for (const one of Object.values(here)) await one.close()
    })
    beforeEach(() => {
      for (const { served, refused, came } of Object.values(here))
        for (const list of [served, refused, came]) list.splice(0)
    })

    const noneCameOfPlaceholders = () => {
      for (const { came, refused } of Object.values(here)) {
        assert.deepEqual(refused, [])
        assert.ok(!came.join().includes(MARK) && !came.join().includes(KEY_ID_BEGINS))
      }
    }

    test('sees a pair of their form and nothing of the real one', async () => {
      const shown = await asked('s3', 'sh', '-c', 'env | grep ^AWS_ | sort')
      assert.match(shown, /^AWS_ACCESS_KEY_ID=AKIA[A-Z2-7]{16}$/m)
      assert.match(shown, /^AWS_SECRET_ACCESS_KEY=[A-Za-z0-9]{40}$/m)
      assert.ok(!/SESSION|EXPIRATION|PROFILE/.test(shown), shown)
      for (const part of Object.values(keys)) assert.ok(!shown.includes(part), shown)
    })

    test('boto3 asks who it is, and puts, lists and gets objects', { skip: noBoto }, async () => {
      const identity = `import boto3; print(boto3.client('sts', endpoint_url='${at('sts')}').get_caller_identity()['Arn'])`
      assert.equal(await asked('sts', 'python3', '-c', identity), 'arn:aws:iam::111122223333:user/ann\n')
      const objects = `
import boto3
whole = open('${file}', 'rb').read()
s3 = boto3.client('s3', endpoint_url='${at('s3')}')
s3.put_object(Bucket='shop', Key='a b/c+d', Body=whole)
s3.upload_file('${file}', 'shop', 'e')
assert s3.get_object(Bucket='shop', Key='a b/c+d')['Body'].read() == whole
print([(o['Key'], o['Size']) for o in s3.list_objects_v2(Bucket='shop', Prefix='')['Contents']])`
      assert.equal(await asked('s3', 'python3', '-c', objects), "[('a%20b/c%2Bd', 1048576), ('e', 1048576)]\n")
      noneCameOfPlaceholders()
    })

    test('its command line lists, and copies files up and down', { skip: noAws }, async () => {
      const s3 = `aws --endpoint-url ${at('s3')} s3`
      const copied = `${s3} cp --quiet ${file} s3://shop/copy && ${s3} ls s3://shop/ && ${s3} cp --quiet s3://shop/copy ${file}.back`
      assert.match(await asked('s3', 'sh', '-c', copied), / 1048576 copy$/m)
      assert.ok(readFileSync(`${file}.back`).equals(readFileSync(file)))
      noneCameOfPlaceholders()
    })
  })
})
