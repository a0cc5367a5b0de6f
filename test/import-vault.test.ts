// An installation of agentic-credential-vault, written from its contract's files, comes over through the command line and a real gateway.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { picture } from './instruments/picture.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { call, done, mirror, refusedWith, VaultAgent, vaultEnv } from './instruments/vault-client.ts'
import { serviceFile, writeVaultInstallation } from './instruments/vault-installation.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-vault-'))
let gateway: Gateway
let upstream: RecordingUpstream
let main: VaultAgent
let evil: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  gateway = await Gateway.start({ env: vaultEnv })
  main = await VaultAgent.add(gateway, 'main')
  evil = await VaultAgent.add(gateway, 'evil')
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
  rmSync(folder, { recursive: true, force: true })
})

const written = (files: Readonly<Record<string, object | string>>) =>
  writeVaultInstallation(mkdtempSync(join(folder, 'vault-')), files)
const config = (name: string, more: object = {}) => ({
  [`config/services/${name}.json`]: serviceFile(name, upstream.origin, more),
})
const secretOf = (name: string) => `canary-of-the-old-vault-${name}`
const master = (...names: string[]) =>
  JSON.stringify(Object.fromEntries(names.map((name) => [`${name}_key`, secretOf(name)])))

function brings(line: string, code = 0, env: Record<string, string> = {}) {
  const { home, operatorToken } = gateway
  return runs(`import vault ${line}`, { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, ...env }, code)
}

async function items(line: string, code = 0, env: Record<string, string> = {}): Promise<Record<string, string>> {
  const json = JSON.parse((await brings(`${line} --json`, code, env)).stdout)
  const shown = json.items as { what: string; name: string; action: string }[]
  return Object.fromEntries(shown.map(({ what, name, action }) => [`${what} ${name}`, action]))
}

const epoch = async () => (await gateway.does<{ epoch: number }>('GET', '/status')).epoch
const listed = async (path: string) => (await gateway.does<{ items: Record<string, unknown>[] }>('GET', path)).items
const newItems = (shown: Record<string, string>) => Object.values(shown).filter((action) => action === 'came over')

describe('claviger import vault', () => {
  test('brings services, secrets and revocations over, and calls go on; the folder stays as it is', async () => {
    const rows = '{"ts":1,"event":"token.issued"}\n\n{"ts":2,"event":"proxy.call"}'
    const from = written({
      ...config('shop', { allowedAgents: ['main', 'evil', 'nobody', 'unknown'] }),
      'config/policy.json': { services: { old: serviceFile('old', upstream.origin), shop: { older: true } } },
      'data/revocations.json': {
        jti: ['a', 'b'],
        sessions: ['s-gone'],
        tasks: ['t-gone'],
        agents: ['evil', 'unknown'],
      },
      'data/audit.log.jsonl': rows,
      'data/secrets.enc': 'whatever',
      '.env': `PORT=8787\nMASTER_SECRETS_JSON='${master('shop', 'old', 'spare')}'\n`,
    })
    const source = picture(from)
    const planned = {
      'revocation session s-gone': 'would come over',
      'revocation task t-gone': 'would come over',
      'revocation agent evil': 'would come over',
      'revocation agent unknown': 'stays',
      'service shop': 'would come over',
      'service old': 'would come over',
      'secret spare_key': 'would come over',
      'agent nobody': 'stays',
      'log audit.log.jsonl': 'would come over',
      'rest secrets.enc': 'stays',
      'revocation jti': 'stays',
      'setting PORT': 'stays',
    }
    const before = await epoch()
    assert.deepEqual(await items(from), planned)
    assert.equal(await epoch(), before)

    const carried = await items(`${from} --write`)
    const expected = Object.entries(planned).map(([name, said]) => [
      name,
      said === 'would come over' ? 'came over' : said,
    ])
    assert.deepEqual(carried, Object.fromEntries(expected))
    for (const name of ['shop', 'old']) {
      const { token } = await main.issue(name, [`${name}:data:read`])
      const asked = { token, service: name, action: 'data.get', params: { id: '7' } }
      assert.deepEqual(done(await call(gateway, asked)), { method: 'GET', url: '/v/data/7' })
      assert.deepEqual(upstream.receipts.at(-1)?.headers.get('x-api-key'), [`Token ${secretOf(name)}`])
    }
    refusedWith(await evil.ask({ service: 'shop', scope: ['shop:data:read'] }), 'AGENT_REVOKED')
    const gone = { service: 'shop', scope: ['shop:data:read'], sessionId: 's-gone' }
    refusedWith(await main.ask(gone), 'SESSION_REVOKED')

    const again = await items(`${from} --write`)
    assert.deepEqual(newItems(again), [])
    assert.equal(again['log audit.log.jsonl'], 'is here already')
    assert.deepEqual(picture(from), source)
    const sha256 = createHash('sha256').update(rows).digest('hex')
    const records = await listed('/audit/records?limit=500')
    const seen = records
      .map(({ ev }) => ev as Record<string, unknown>)
      .filter((ev) => ev?.what === 'agentvault.log_seen')
    assert.deepEqual(
      seen.map(({ rows, sha256 }) => ({ rows, sha256 })),
      [{ rows: 2, sha256 }],
    )
  })

  test('names secrets that have to be entered again, and takes them from the environment later', async () => {
    const from = written({ ...config('late'), 'data/secrets.enc': 'x', ...config('later', { secretRef: 'late_key' }) })
    const first = await items(`${from} --write`, 3)
    assert.deepEqual([first['service late'], first['secret late_key']], ['came over', 'stays'])
    const second = await items(`${from} --write`, 0, { MASTER_SECRETS_JSON: master('late') })
    assert.deepEqual([second['service late'], second['secret late_key']], ['is here already', 'came over'])
    for (const service of ['late', 'later']) {
      const { token } = await main.issue(service, [`${service}:data:read`])
      done(await call(gateway, { token, service, action: 'data.get', params: { id: '1' } }))
    }
    const newer = { MASTER_SECRETS_JSON: JSON.stringify({ late_key: 'another-secret-0123456789' }) }
    assert.equal((await items(`${from} --write`, 0, newer))['secret late_key'], 'is here already')
    const versions = (await listed('/credentials')).filter(({ handle }) => `${handle}`.startsWith('late_key'))
    assert.deepEqual(
      versions.map(({ version }) => version),
      [1, 1],
    )
  })

  test('leaves a service whole where anything of it cannot come over, and goes on with the rest', async () => {
    const from = written({
      ...config('good'),
      ...config('short'),
      ...config('plain', { baseUrl: 'http://api.example.com' }),
      ...config('Good'),
      'config/services/cut.json': '{"baseUrl": "https://api.ex',
      'config/services/twice.json': '{"baseUrl":"https://a.example.com","baseUrl":"https://b.example.com"}',
      ...config('typo', { allowedAgent: ['main'] }),
      ...config('inside', { masterSecret: secretOf('inside') }),
    })
    const env = {
      MASTER_SECRETS_JSON: JSON.stringify({
        ...JSON.parse(master('good', 'plain', 'typo')),
        short_key: 'x',
        Good_key: secretOf('g'),
      }),
    }
    const shown = await items(`${from} --write`, 3, env)
    const services = Object.entries(shown).filter(([name]) => name.startsWith('service '))
    assert.deepEqual(
      services.filter(([, action]) => action === 'came over').map(([name]) => name.toLowerCase()),
      ['service good'],
    )
    assert.equal(services.length, 8)
    const names = (await listed('/services')).map(({ name }) => name)
    for (const name of ['short', 'plain', 'cut', 'twice', 'typo', 'inside']) assert.ok(!names.includes(name), name)
    const handles = (await listed('/credentials')).map(({ handle }) => handle)
    for (const name of ['short_key', 'inside_key']) assert.ok(!handles.includes(name), name)
  })

  test('does not touch what is here under the name, nor the secret that is sealed here', async () => {
    const from = written(config('mine'))
    const env = { MASTER_SECRETS_JSON: master('mine') }
    await items(`${from} --write`, 0, env)
    const wider = written(config('mine', { allowedAgents: ['*'] }))
    assert.equal((await items(`${wider} --write`, 3, env))['service mine'], 'stays')
    await gateway.does('POST', '/services', { name: 'native', origins: ['https://api.example.com'] })
    const other = await items(`${written(config('native'))} --write`, 3, {})
    assert.equal(other['service native'], 'stays')
    const own = (await listed('/agentvault/services')).find(({ service }) => service === 'mine')
    const { form } = own as { form: { allowedAgents: string[] } }
    assert.deepEqual(form.allowedAgents, ['main'])
  })

  test('stops before anything is done where what was revoked cannot be understood, and at a folder of something else', async () => {
    const damage: Record<string, Record<string, string>> = {
      'data/revocations.json cut off': { 'data/revocations.json': '{"jti":[],"sess' },
      'data/revocations.json of another form': { 'data/revocations.json': '{"agents":"evil"}' },
      'config/policy.json without services': { 'config/policy.json': '[]' },
      '.env with half an object': { '.env': 'MASTER_SECRETS_JSON={"never_key":' },
    }
    for (const [what, files] of Object.entries(damage)) {
      const from = written({ ...config('never'), ...files })
      const { stdout, stderr } = await brings(`${from} --write`, 1)
      assert.match(stderr, /\[vault_file_damaged\]/, what)
      assert.equal(stdout, '')
    }
    assert.match((await brings(`${mkdtempSync(join(folder, 'empty-'))} --write`, 1)).stderr, /\[vault_home_missing\]/)
    assert.ok(!(await listed('/services')).some(({ name }) => name === 'never'))
  })

  test('says nothing of a secret and keeps none in the clear, does its dry run without a gateway, and is undone', async () => {
    const from = written(config('quiet'))
    const env = { MASTER_SECRETS_JSON: master('quiet') }
    const dry = JSON.parse(
      (await runs(`import vault ${from} --json`, { CLAVIGER_HOME: join(folder, 'nowhere'), ...env })).stdout,
    )
    assert.equal(dry.gateway, 'not running')
    await runs(`import vault ${from} --write`, { CLAVIGER_HOME: join(folder, 'nowhere'), ...env }, 69)
    const told = await brings(`${from} --write --json`, 0, env)
    assert.ok(!`${told.stdout}${told.stderr}`.includes(secretOf('quiet')))
    for (const name of Object.keys(picture(gateway.home))) {
      const path = join(gateway.home, name)
      if (lstatSync(path).isFile()) assert.ok(!readFileSync(path).includes(secretOf('quiet')), name)
    }
    const { journal } = JSON.parse(told.stdout)
    const operator = { CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken }
    const undone = JSON.parse((await runs(`import undo ${journal} --remove --json`, operator)).stdout)
    assert.deepEqual(undone.removed, ['quiet_key'])
    const { token } = await main.issue('quiet', ['quiet:data:read'])
    const asked = { token, service: 'quiet', action: 'data.get', params: { id: '1' } }
    refusedWith(await call(gateway, asked), 'MISSING_MASTER_SECRET:quiet_key')
  })
})

describe('the endpoints that operators have of the door', () => {
  test('answer operators alone, and name the contract’s code', async () => {
    for (const path of ['services', 'secrets', 'logs', 'revocations']) {
      const reply = await gateway.agent('POST', `/claviger/v1/agentvault/${path}`, {
        headers: { authorization: `Bearer ${main.credential}`, 'content-type': 'application/json' },
        body: '{}',
      })
      assert.ok([401, 403, 404].includes(reply.status), `${path}: ${reply.status}`)
    }
    const form = serviceFile('x', 'https://api.example.com', { allowedAgents: [] })
    const refused = await gateway.operator('POST', '/agentvault/services', { service: 'x', form })
    assert.deepEqual(
      [
        refused.status,
        (refused.json() as { code: string; detail: string }).code,
        (refused.json() as { detail: string }).detail,
      ],
      [422, 'vault_service_refused', 'ALLOWEDAGENTS_REQUIRED'],
    )
  })
})
