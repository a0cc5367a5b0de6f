import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { TokenEndpoint } from './instruments/token-endpoint.ts'
import { loopback } from './instruments/world.ts'

let gateway: Gateway
let upstream: RecordingUpstream
let tokens: TokenEndpoint
let agentToken: string

before(async () => {
  ;[upstream, tokens] = await Promise.all([RecordingUpstream.start(), TokenEndpoint.start()])
  gateway = await Gateway.start({ env: { NODE_EXTRA_CA_CERTS: tokens.authority.cert } })
  upstream.on('guarded', (request, response) => {
    const good = tokens.knows(shownTo(request))
    response.writeHead(good ? 200 : 401, { 'content-type': 'text/plain' })
    response.end(good ? `hello ${shownTo(request)}` : 'who are you?')
  })
  await gateway.does('POST', '/services', {
    name: 'api',
    origins: [upstream.origin],
    addresses: loopback,
    injection: { kind: 'bearer' },
    oauth: { tokenUrl: tokens.url },
  })
  await gateway.does('POST', '/agents', { name: 'helper' })
  const issued = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'helper' })
  agentToken = issued.token
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), tokens[Symbol.asyncDispose]()])
})

const shownTo = (request: IncomingMessage) => String(request.headers.authorization ?? '').replace(/^Bearer /, '')
const claviger = (line: string, code = 0) => asOperator(gateway, line, code)
const json = async (line: string) => JSON.parse((await claviger(`${line} --json`)).stdout)

function setFile(name: string, set: object): string {
  const path = join(gateway.folder, name)
  writeFileSync(path, JSON.stringify(set), { mode: 0o600 })
  return path
}

function call(method = 'GET', body?: string) {
  return gateway.agent(method, '/to/api/guarded', {
    headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${agentToken}` },
    ...(body !== undefined && { body: Buffer.from(body) }),
  })
}

describe('a connection', () => {
  test('is registered by the command line and renewed before its token ends, and the record says so', async () => {
    const { kind: _, expiresAt, ...set } = tokens.issue(20)
    const path = setFile('set.json', { ...set, expiresAt: new Date(expiresAt).toISOString() })
    const view = await json(`connection add account --service api --oauth-set ${path}`)
    assert.deepEqual(
      [view.status, view.connection.kind, view.connection.tokenOrigin],
      ['active', 'oauth', tokens.origin],
    )
    await gateway.does('POST', '/grants', { agent: 'helper', service: 'api', scopes: ['api:*'] })
    const reply = await call()
    assert.equal(reply.status, 200)
    assert.match(reply.text(), /^hello \[redacted:crd_/)
    assert.equal(tokens.requests.length, 1)
    const seen = upstream.receipts.at(-1)?.headers.get('authorization')?.[0]
    assert.ok(seen !== undefined && !seen.includes(set.accessToken))
    const records = (await claviger('audit tail --json')).stdout
    for (const type of ['secret.renewing', 'secret.renewed']) assert.ok(records.includes(`"${type}"`), type)
    for (const secret of [set.refreshToken, set.clientSecret, set.accessToken]) assert.ok(!records.includes(secret))
  })

  test('is refused with a token endpoint by plain http, or of another host', async () => {
    const set = tokens.issue()
    for (const tokenUrl of ['http://127.0.0.1:9/token', 'https://example.com/token']) {
      const path = setFile('bad.json', { ...set, tokenUrl })
      const { stderr } = await claviger(`connection add other --service api --oauth-set ${path}`, 1)
      assert.match(stderr, /token_url_refused/)
    }
  })
})
