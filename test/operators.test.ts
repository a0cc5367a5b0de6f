// Several operators, each with a role: through the operators' socket and the command line.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator, runs } from './instruments/command-line.ts'
import { EventReader } from './instruments/event-reader.ts'
import { Gateway, repository } from './instruments/gateway.ts'

interface Operation {
  readonly 'x-claviger-caller': string
  readonly responses: Readonly<Record<string, { readonly content?: object }>>
}

/** Operators' endpoints that change nothing although they are no GET, and those that hand out a key although they are. */
const reads = new Set([
  'POST /claviger/v1/explain',
  'POST /claviger/v1/rule-explain',
  'POST /claviger/v1/rule-test',
  'POST /claviger/v1/audit/checkpoint',
  'POST /claviger/v1/audit/hash',
  'POST /claviger/v1/audit/verification',
  'POST /claviger/v1/services/{name}/template-diff',
])
const ownersReads = new Set(['GET /claviger/v1/import-keys/{journal}', 'GET /claviger/v1/channels/{name}/candidates'])
/** What approvers are for. */
const verdicts = new Set([
  'POST /claviger/v1/approvals/{id}/verdict',
  'POST /claviger/v1/approvals/{id}/challenge',
  'POST /claviger/v1/approvals/{id}/withdraw',
  'POST /claviger/v1/push/start',
  'POST /claviger/v1/push/devices',
  'DELETE /claviger/v1/push/devices/{id}',
  'DELETE /claviger/v1/windows/{id}',
  // Whoever has a receipt can have a use of it taken.
  'GET /claviger/v1/approvals/{id}/receipt',
  'POST /claviger/v1/receipts/use',
])
/** What everybody does for themselves: a session is wanted, and a role is not. */
const ones = /^\w+ \/claviger\/v1\/(?:people|passkeys)\b/
/** Proven by its body, not by a token. */
const unseal = '/claviger/v1/unseal'

describe('operators', () => {
  let gateway: Gateway
  before(async () => {
    gateway = await Gateway.start()
  })
  after(() => gateway[Symbol.asyncDispose]())

  async function tokenOf(name: string, role: string): Promise<string> {
    await gateway.does('POST', '/operators', { name, role })
    const { token } = await gateway.does<{ token: string }>('POST', `/operators/${name}/tokens`, {})
    return token
  }

  const isStream = (responses: Operation['responses']) => 'text/event-stream' in (responses['200']?.content ?? {})
  const streamOf = (path: string, token: string) => {
    const headers = { host: 'localhost', authorization: `Bearer ${token}` }
    return EventReader.open({ socketPath: gateway.socketPath, path: `/claviger/v1${path}`, headers })
  }

  test('an auditor and an approver are refused every change at every operators’ endpoint, and nothing that is read', async () => {
    const document = JSON.parse(readFileSync(join(repository, 'docs', 'openapi.json'), 'utf8')) as {
      paths: Record<string, Record<string, Operation>>
    }
    const tokens = [await tokenOf('reader', 'auditor'), await tokenOf('answerer', 'approver')]
    let [refused, passed] = [0, 0]
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [verb, { 'x-claviger-caller': caller, responses }] of Object.entries(item)) {
        const name = `${verb.toUpperCase()} ${path}`
        if ((caller !== 'operator' && path !== '/claviger/v1/explain') || path === unseal || ones.test(name)) continue
        const ownersOnly = ownersReads.has(name) || (verb !== 'get' && !reads.has(name))
        for (const [at, token] of tokens.entries()) {
          const owners = verdicts.has(name) ? at === 0 : ownersOnly
          const short = path.replace('/claviger/v1', '').replaceAll(/\{\w+\}/g, 'nobody')
          if (isStream(responses)) {
            using reader = await streamOf(short, token)
            assert.equal(reader.status, 200, name)
            passed += 1
            continue
          }
          const reply = await gateway.operator(verb.toUpperCase(), short, undefined, token)
          assert.equal(reply.code === 'role_refused', owners, `${name} → ${reply.status} ${reply.text()}`)
          if (owners) refused += 1
          else passed += 1
        }
      }
    }
    assert.ok(refused > 80 && passed > 40, `${refused} refused, ${passed} passed`)
  })

  test('the first start’s token is an owner’s', async () => {
    const { items } = await gateway.does<{ items: { name: string; role: string }[] }>('GET', '/operators')
    assert.equal(items.find(({ name }) => name === 'operator')?.role, 'owner')
  })

  test('a role counts from the next request on, in both directions', async () => {
    const token = await tokenOf('ann', 'auditor')
    const add = (name: string) => gateway.operator('POST', '/agents', { name }, token)
    assert.equal((await add('of-ann-1')).code, 'role_refused')
    await asOperator(gateway, 'operator role ann owner')
    assert.equal((await add('of-ann-1')).status, 201)
    await asOperator(gateway, 'operator role ann approver')
    assert.equal((await add('of-ann-2')).code, 'role_refused')
  })

  test('an operator who is removed speaks through no token any more, after a restart too', async () => {
    const token = await tokenOf('gone', 'owner')
    assert.equal((await gateway.operator('GET', '/operators', undefined, token)).status, 200)
    await asOperator(gateway, 'operator remove gone')
    assert.equal((await gateway.operator('GET', '/operators', undefined, token)).status, 401)
    await gateway.restart()
    assert.equal((await gateway.operator('GET', '/operators', undefined, token)).status, 401)
    const issued = await gateway.operator('POST', '/operators/gone/tokens', {})
    assert.equal(issued.code, 'operator_revoked')
  })

  test('the last owner stays, whoever asks at once', async () => {
    await using alone = await Gateway.start()
    assert.equal((await alone.operator('DELETE', '/operators/operator')).code, 'last_owner')
    assert.equal((await alone.operator('PUT', '/operators/operator/role', { role: 'auditor' })).code, 'last_owner')
    await alone.does('POST', '/operators', { name: 'second', role: 'owner' })
    const { token } = await alone.does<{ token: string }>('POST', '/operators/second/tokens', {})
    const replies = await Promise.all([
      alone.operator('PUT', '/operators/second/role', { role: 'auditor' }),
      alone.operator('DELETE', '/operators/operator', undefined, token),
    ])
    const left = await Promise.all([
      alone.operator('GET', '/operators'),
      alone.operator('GET', '/operators', undefined, token),
    ])
    const seen = left.find(({ status }) => status === 200)
    const { items } = seen!.json() as { items: { role: string; status: string }[] }
    assert.equal(items.filter(({ role, status }) => role === 'owner' && status === 'active').length, 1)
    assert.ok(replies.some(({ status }) => status === 200))
  })

  test('a token without the role does not unseal by the key file', async () => {
    const token = await tokenOf('sealer', 'approver')
    await gateway.does('POST', '/seal')
    assert.equal((await gateway.operator('POST', '/unseal', { keyFile: true }, token)).status, 401)
    assert.equal((await gateway.operator('POST', '/unseal', { keyFile: true })).status, 200)
  })

  test('the command line adds, lists, and gives tokens for scripts', async () => {
    await asOperator(gateway, 'operator add sue --role auditor')
    const { stdout: listed } = await asOperator(gateway, 'operator list')
    assert.match(listed, /sue\s+auditor\s+active/)
    const { stdout } = await asOperator(gateway, 'operator token issue sue --ttl 1h --label nightly')
    const env = { CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: stdout.trim() }
    await runs('agent list', env)
    const refused = await runs('agent add never', env, 77)
    assert.match(refused.stderr, /role_refused/)
    await asOperator(gateway, 'operator add sue --role owner', 1)
  })
})
