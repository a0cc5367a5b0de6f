import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { asOperator } from './instruments/command-line.ts'
import { Gateway, repository } from './instruments/gateway.ts'
import { CLIENT_ID, CLIENT_SECRET, OidcHouse } from './instruments/oidc-house.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { until } from './instruments/wait.ts'
import { loopback } from './instruments/world.ts'

let gateway: Gateway
let upstream: RecordingUpstream
let house: OidcHouse
let agentToken: string
let secretFile: string

before(async () => {
  ;[upstream, house] = await Promise.all([RecordingUpstream.start(), OidcHouse.start()])
  gateway = await Gateway.start({ env: { NODE_EXTRA_CA_CERTS: house.authority.cert } })
  upstream.on('guarded', (incoming, response) => {
    void house.knows(shownTo(incoming)).then((good) => response.writeHead(good ? 200 : 401).end(good ? 'hello' : 'no'))
  })
  const service = { origins: [upstream.origin], addresses: loopback, injection: { kind: 'bearer' } }
  await gateway.does('POST', '/services', { ...service, name: 'api', oauth: { issuer: house.issuer } })
  await gateway.does('POST', '/services', { ...service, name: 'mute' })
  await gateway.does('POST', '/agents', { name: 'helper' })
  agentToken = (await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'helper' })).token
  secretFile = join(gateway.folder, 'client-secret')
  writeFileSync(secretFile, CLIENT_SECRET, { mode: 0o600 })
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), house[Symbol.asyncDispose]()])
})

const shownTo = (incoming: IncomingMessage) => String(incoming.headers.authorization ?? '').replace(/^Bearer /, '')

async function call(): Promise<number> {
  const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${agentToken}` }
  return (await gateway.agent('GET', '/to/api/guarded', { headers })).status
}

/** The command at work: what it said so far, and its end. */
function connecting(line: string) {
  const env = { ...process.env, CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken }
  const args = ['connect', 'api', '--client-id', CLIENT_ID, '--secret-file', secretFile, '--json', ...line.split(' ')]
  const child: ChildProcess = spawn(process.execPath, [join(repository, 'bin', 'claviger.js'), ...args], { env })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const find = async (pattern: RegExp) => {
    await until(() => pattern.test(said.stderr) || child.exitCode !== null)
    return pattern.exec(said.stderr)?.[1] ?? assert.fail(said.stderr)
  }
  return { said, ended, find }
}

const begin = (more: object = {}) =>
  gateway.does<{ id: string; authorizationUrl: string }>('POST', '/connect', {
    service: 'api',
    handle: 'other',
    flow: 'code',
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    redirectUri: 'http://127.0.0.1:1/callback',
    scopes: ['openid', 'offline_access'],
    ...more,
  })
const refusal = async (path: string, body?: object) =>
  (await gateway.operator('POST', path, body)).json() as { code: string }

describe('claviger connect', () => {
  test('by a browser gives a connection that works and renews itself', async () => {
    const { find, said, ended } = connecting('--scope openid --scope offline_access --handle account')
    const url = await find(/(https:\S+)/)
    const asked = new URL(url).searchParams
    assert.equal(asked.get('code_challenge_method'), 'S256')
    assert.equal(Buffer.from(asked.get('state') ?? '', 'base64url').length, 32)
    const back = await house.sayYes(url)
    assert.equal(new URL(back).searchParams.get('iss'), house.issuer)
    const stranger = await request(back.replace(/state=[^&]+/, 'state=another'))
    assert.equal(stranger.statusCode, 404)
    assert.equal((await request(back)).statusCode, 200)
    assert.equal(await ended, 0, said.stderr)
    const view = JSON.parse(said.stdout)
    assert.deepEqual([view.handle, view.status, view.connection.tokenOrigin], ['account', 'active', house.issuer])
    await gateway.does('POST', '/grants', { agent: 'helper', service: 'api', scopes: ['api:*'] })
    assert.equal(await call(), 200)
    for (let i = 0; i < 3; i += 1) await gateway.does('POST', '/connections/account/renew')
    assert.equal(await call(), 200)
  })

  test('puts new tokens into the connection of that handle, which an ended one needs', async () => {
    const { find, said, ended } = connecting('--scope openid --scope offline_access --handle account')
    await request(await house.sayYes(await find(/(https:\S+)/)))
    assert.equal(await ended, 0, said.stderr)
    assert.equal(JSON.parse(said.stdout).version, 2)
    assert.equal(await call(), 200)
  })

  test('by the device flow waits for a human on another device', async () => {
    const { find, said, ended } = connecting('--device --scope openid --scope offline_access --handle account')
    const [url, code] = [await find(/(https:\S+)/), await find(/with the code (\S+)/)]
    await house.sayYes(`${url}?user_code=${code}`)
    assert.equal(await ended, 0, said.stderr)
    assert.equal(JSON.parse(said.stdout).version, 3)
    assert.equal(await call(), 200)
  })

  test('takes an answer once, with its own state, of its own issuer, and not of somebody who said no', async () => {
    const changed: [string, (answer: URLSearchParams) => void][] = [
      ['answer_invalid', (answer) => answer.set('state', 'another-state')],
      ['answer_invalid', (answer) => answer.set('iss', 'https://attacker.example')],
      ['answer_invalid', (answer) => answer.delete('iss')],
      ['access_denied', (answer) => answer.set('error', 'access_denied')],
    ]
    for (const [reason, change] of changed) {
      const { id, authorizationUrl } = await begin()
      const answer = new URL(await house.sayYes(authorizationUrl)).searchParams
      const good = answer.toString()
      change(answer)
      const refused = await refusal(`/connect/${id}/finish`, { answer: answer.toString() })
      assert.deepEqual([refused.code, (refused as { reason?: string }).reason], ['connect_failed', reason])
      assert.equal((await refusal(`/connect/${id}/finish`, { answer: good })).code, 'connect_unknown')
    }
    const { id, authorizationUrl } = await begin()
    const answer = new URL(await house.sayYes(authorizationUrl)).search.slice(1)
    await gateway.does('POST', `/connect/${id}/finish`, { answer })
    assert.equal((await refusal(`/connect/${id}/finish`, { answer })).code, 'connect_unknown')
  })

  test('refuses what cannot be connected before anything is sent', async () => {
    const body = {
      service: 'mute',
      handle: 'x',
      flow: 'code',
      clientId: 'c',
      redirectUri: 'http://127.0.0.1:1/callback',
    }
    assert.equal((await refusal('/connect', body)).code, 'connect_unsupported')
    const away = { ...body, service: 'api', redirectUri: 'http://127.0.0.1.attacker.example:80/callback' }
    assert.equal((await refusal('/connect', away)).code, 'redirect_refused')
    await gateway.does('POST', '/credentials', { handle: 'plain', service: 'api', secret: 'a-static-secret' })
    assert.equal((await refusal('/connect', { ...body, service: 'api', handle: 'plain' })).code, 'handle_taken')
    assert.ok((await asOperator(gateway, 'connection list')).stdout.includes('account'))
  })
})
