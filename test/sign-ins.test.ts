import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { claviger } from '../src/cli/testing/cli-process.ts'
import { city, mmdb } from '../src/identity/sign-ins/mmdb.support.ts'
import { Gateway } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import type { Reply } from './instruments/send.ts'

interface Line {
  readonly what: string
  readonly result?: string
  readonly type?: string
  readonly address?: string
  readonly country?: string
  readonly details?: Record<string, unknown>
}

const places = {
  '203.0.113.0/24': city('US', 40.71, -74.01),
  '2001:db8:86::/48': city('CN', 31.2, 121.5),
}
const [newYork, shanghai, nowhere] = ['203.0.113.7', '2001:db8:86::7', '192.0.2.7'] as const

describe('sign-ins, through the doors', () => {
  let gateway: Gateway
  let file: string

  before(async () => {
    gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_LOG: 'error' } })
    file = join(gateway.folder, 'places.mmdb')
    writeFileSync(file, mmdb(places))
    // Behind a proxy on this machine that says where clients come from: the test.
    await gateway.restart(behindProxy())
  })
  after(() => gateway[Symbol.asyncDispose]())

  const behindProxy = () => ({
    CLAVIGER_TRUSTED_PROXIES: '127.0.0.1',
    CLAVIGER_GEOIP_FILE: file,
    CLAVIGER_LIMIT_METADATA: '3/min',
  })

  const ask = (path: string, body: object, address: string): Promise<Reply> =>
    gateway.agent('POST', `/claviger/v1/auth${path}`, {
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': address,
        'x-forwarded-proto': 'https',
        'user-agent': 'a test',
      },
      body: JSON.stringify(body),
    })

  async function signIn(agent: KeyAgent, address: string, key = agent.privateKey): Promise<Reply> {
    const challenge = await ask('/challenge', { agentId: agent.id }, address)
    if (challenge.status !== 200) return challenge
    const { challengeId, nonce } = challenge.json() as { challengeId: string; nonce: string }
    return ask('/token', { challengeId, proof: await agent.prove(nonce, key) }, address)
  }

  const history = async (name: string) =>
    (await gateway.does<{ items: Line[] }>('GET', `/agents/${name}/sign-ins`)).items

  const env = () => ({ CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken })

  test('stand in the history with their places, and another country at once is a finding', async () => {
    const agent = await KeyAgent.add(gateway, 'traveller')
    for (const address of [newYork, shanghai]) assert.equal((await signIn(agent, address)).status, 200)
    const items = await history('traveller')
    assert.deepEqual(
      items.map(({ what, result, type, address, country }) => [what, result ?? type, address, country]),
      [
        ['finding', 'geographic_anomaly', undefined, undefined],
        ['attempt', 'ok', '2001:db8:86::/48', 'CN'],
        ['attempt', 'ok', '203.0.113.0/24', 'US'],
      ],
    )
    const { previousLocation, currentLocation } = items[0]!.details!
    assert.deepEqual([previousLocation, currentLocation], ['US', 'CN'])
  })

  test('that fail five times in five minutes are a finding, and after ten wait', async () => {
    const agent = await KeyAgent.add(gateway, 'attacked')
    const other = await KeyAgent.add(gateway, 'other')
    for (let i = 0; i < 10; i += 1) assert.equal((await signIn(agent, nowhere, other.privateKey)).status, 401)
    const refused = await signIn(agent, nowhere)
    assert.deepEqual([refused.status, refused.code], [429, 'rate_limited'])
    assert.match(String(refused.headers['retry-after']), /^[1-9][0-9]?$/)
    assert.equal((await signIn(agent, newYork)).status, 200, 'from elsewhere it still signs in')
    const items = await history('attacked')
    const findings = items.filter(({ what }) => what === 'finding').map(({ type }) => type)
    assert.deepEqual(findings, ['auth_failure_burst'])
    assert.equal(items.filter(({ result }) => result === 'bad_signature').length, 10)
    assert.equal(items.filter(({ result }) => result === 'rate_limited').length, 1)
  })

  test('need keys and metadata, which nobody gets without end (F-13)', async () => {
    const paths = ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server']
    const get = (at: number, from: string) =>
      gateway.agent('GET', paths[at % 2]!, { headers: { 'x-forwarded-for': from, 'x-forwarded-proto': 'https' } })
    const answered: number[] = []
    for (let i = 0; i < 5; i += 1) answered.push((await get(i, nowhere)).status)
    assert.deepEqual(answered, [200, 200, 200, 429, 429])
    assert.equal((await get(0, newYork)).status, 200)
    for (let i = 0; i < 5; i += 1) assert.equal((await gateway.agent('GET', paths[0]!)).status, 200, 'on this machine')
  })

  test('are shown to the agent itself and to no other agent', async () => {
    const agent = await KeyAgent.add(gateway, 'curious')
    const { accessToken } = (await signIn(agent, newYork)).json() as { accessToken: string }
    const look = (name: string) =>
      gateway.agent('GET', `/claviger/v1/agents/${name}/sign-ins`, {
        headers: { authorization: `Bearer ${accessToken}` },
      })
    for (const name of [agent.id, 'curious']) {
      const reply = await look(name)
      assert.deepEqual([reply.status, (reply.json() as { items: Line[] }).items.length], [200, 1])
    }
    for (const name of ['traveller', 'nobody']) {
      const reply = await look(name)
      assert.deepEqual([reply.status, reply.code], [404, 'agent_unknown'])
    }
    assert.equal((await gateway.agent('GET', '/claviger/v1/agents/curious/sign-ins')).status, 401)
  })

  test('are shown by the command line, which repeats no control characters', async () => {
    const { code, stdout } = await claviger(['agent', 'sign-ins', 'traveller', '--limit', '2'], { env: env() })
    assert.equal(code, 0)
    assert.match(stdout, /geographic_anomaly \(8\.5\)/)
    assert.match(stdout, /--before \d+/)
    const { code: unknown } = await claviger(['agent', 'sign-ins', 'nobody'], { env: env() })
    assert.notEqual(unknown, 0)
  })

  test('are remembered over a restart', async () => {
    const agent = await KeyAgent.add(gateway, 'patient')
    assert.equal((await signIn(agent, newYork)).status, 200)
    await gateway.restart(behindProxy())
    assert.equal((await signIn(agent, shanghai)).status, 200)
    assert.deepEqual(
      (await history('patient')).map(({ type, result }) => type ?? result),
      ['geographic_anomaly', 'ok', 'ok'],
    )
  })

  test('are watched by place as status and doctor say', async () => {
    const geoip = async () => (await gateway.does<{ signIns: { geoip: object } }>('GET', '/status')).signIns.geoip
    assert.deepEqual(await geoip(), { state: 'ready', type: 'Test-City', builtAt: 1_767_225_600_000 })
    const says = async (path: string) => {
      const doctor = await claviger(['doctor', '--json'], { env: { ...env(), CLAVIGER_GEOIP_FILE: path } })
      const { items } = JSON.parse(doctor.stdout) as { items: { about: string; state: string }[] }
      return items.find(({ about }) => about === 'geoip')?.state
    }
    const text = join(gateway.folder, 'text')
    writeFileSync(`${text}.new`, 'no database')
    renameSync(`${text}.new`, text)
    assert.deepEqual(
      [await says(file), await says(''), await says(text), await says('/nowhere'), await says('/')],
      ['ok', 'note', 'bad', 'bad', 'bad'],
    )
    await gateway.restart()
    assert.deepEqual(await geoip(), { state: 'off' })
  })
})
