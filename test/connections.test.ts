import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
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
    assert.equal(view.serviceName, 'api')
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

  test('is renewed once after 50 refusals at the same time, and every call is made again', async () => {
    tokens.revokeAccess()
    tokens.requests.length = 0
    tokens.delayMs = 30
    const before = upstream.receipts.length
    const replies = await Promise.all(Array.from({ length: 50 }, () => call()))
    tokens.delayMs = 0
    assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
    assert.equal(tokens.requests.length, 1)
    assert.ok(upstream.receipts.length - before >= 51)
  })

  test('is renewed for a call with a small body, which is sent again whole, and for the one after a long one', async () => {
    tokens.revokeAccess()
    const small = await call('POST', '{"a":1}')
    assert.equal(small.status, 200)
    assert.equal(upstream.receipts.at(-1)?.body.bytes.toString(), '{"a":1}')
    tokens.revokeAccess()
    const long = await call('POST', 'x'.repeat(100_000))
    assert.deepEqual([long.status, long.text()], [401, 'who are you?'])
    assert.equal((await call()).status, 200)
  })

  test('is renewed for an explicit call as well', async () => {
    await gateway.restart()
    tokens.revokeAccess()
    const body = Buffer.from(JSON.stringify({ service: 'api', method: 'POST', path: '/guarded', body: { a: 1 } }))
    const authorization = `Bearer ${agentToken}`
    const headers = { host: `127.0.0.1:${gateway.port}`, authorization, 'content-type': 'application/json' }
    const reply = await gateway.agent('POST', '/claviger/v1/call', { headers, body })
    assert.equal(reply.status, 200, reply.text())
    assert.equal(upstream.receipts.at(-1)?.body.bytes.toString(), '{"a":1}')
  })

  test('that its provider gives no more tokens for is marked, told of, and refused with what would mend it', async () => {
    await gateway.stop()
    await gateway.restart()
    tokens.revokeAccess()
    tokens.instead = { status: 400, body: { error: 'invalid_grant' } }
    const first = await call()
    assert.deepEqual([first.status, first.text()], [401, 'who are you?'])
    const second = await call()
    assert.deepEqual([second.status, (second.json() as { code: string }).code], [503, 'credential_needs_reauth'])
    const { items } = await json('connection list')
    assert.deepEqual([items[0].status, items[0].connection.needsReauth], ['needs_reauth', 'invalid_grant'])
    assert.ok((await claviger('audit tail --json')).stdout.includes('"secret.needs_reauth"'))
    assert.match((await claviger('doctor')).stdout, /1 of 1 must be connected anew: account/)
    tokens.instead = undefined
    const path = setFile('again.json', tokens.issue())
    await claviger(`connection add account --service api --oauth-set ${path} --replace`)
    assert.equal((await call()).status, 200)
  })

  test('shows its tokens and secrets in no file of the home and in no line of output', async () => {
    const shown = new Set(tokens.requests.flatMap(({ refresh_token }) => refresh_token ?? []))
    for (const { headers } of upstream.receipts)
      shown.add(headers.get('authorization')?.[0]?.replace('Bearer ', '') ?? '')
    shown.add('client-secret-of-the-test').delete('')
    assert.ok(shown.size > 5)
    for (const entry of readdirSync(gateway.home, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      for (const secret of shown) assert.ok(!bytes.includes(secret), entry.name)
    }
    for (const secret of shown) assert.ok(!gateway.output().includes(secret))
  })

  test('by its other kinds is registered from the files that providers give', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    tokens.keys.set('robot@project.example', publicKey.export({ format: 'pem', type: 'spki' }) as string)
    const key = setFile('key.json', {
      type: 'service_account',
      project_id: 'project',
      client_email: 'robot@project.example',
      private_key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
      private_key_id: 'key-1',
      token_uri: tokens.url,
    })
    await claviger(`connection add robot --service api --google-key ${key} --scope https://www.example.com/auth/drive`)
    const set = { tokenUrl: tokens.url, clientId: 'client-1', clientSecret: 'client-secret-of-the-test' }
    await claviger(`connection add machine --service api --client-credentials ${setFile('client.json', set)}`)
    for (const handle of ['robot', 'machine']) {
      const { connection } = await json(`connection renew ${handle}`)
      assert.ok(connection.tokenEndsAt > Date.now(), handle)
    }
    const pem = join(gateway.folder, 'app.pem')
    writeFileSync(pem, privateKey.export({ format: 'pem', type: 'pkcs1' }), { mode: 0o600 })
    const app = `connection add app --service api --github-app ${pem} --app-id Iv23abc --installation-id 12`
    assert.match((await claviger(app, 1)).stderr, /token_url_refused/, 'api.github.com is no origin of this service')
  })
})
