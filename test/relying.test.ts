import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import { claimsOf } from './instruments/proofs.ts'
import type { Reply } from './instruments/send.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-relying-'))
after(() => rmSync(folder, { recursive: true }))

describe('a service that wants to know which agent calls it', () => {
  let gateway: Gateway
  let agent: KeyAgent
  const keys: Record<string, string> = {}
  const ids: Record<string, string> = {}
  before(async () => {
    gateway = await Gateway.start()
    agent = await KeyAgent.add(gateway, 'coder', { email: 'coder@example.com' })
    for (const name of ['shop', 'bank']) {
      const added = await cli(`relying add ${name} --owner ${name}-inc --json`)
      ids[name] = JSON.parse(added).id
      keys[name] = (await cli(`relying key issue ${name}`)).trim()
    }
  })
  after(() => gateway[Symbol.asyncDispose]())

  async function cli(line: string, code = 0): Promise<string> {
    const { stdout, stderr } = await asOperator(gateway, line, code)
    return code === 0 ? stdout : stderr
  }

  function ask(who: string, method: string, path: string, body?: unknown): Promise<Reply> {
    return gateway.agent(method, `/claviger/v1${path}`, {
      headers: { authorization: `Bearer ${keys[who] ?? who}`, ...(body !== undefined && json) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }
  const json = { 'content-type': 'application/json' }
  const about = (path = '') => `/relying/agents/${agent.id}${path}`
  const verify = async (who: string, token: string) => {
    const reply = await ask(who, 'POST', '/tokens/verify', { token })
    assert.equal(reply.status, 200, reply.text())
    return reply.json() as { valid: boolean; error?: string; agent?: { roles: string[]; email: string; id: string } }
  }

  test('learns whose token it was shown, and no other service does (CA-03, CA-10)', async () => {
    await cli('role set shop buyer --permission orders.read --permission orders.create')
    assert.equal((await ask('shop', 'PUT', about('/roles'), { role: 'buyer', ttlSeconds: 600 })).status, 200)
    const { accessToken } = await agent.signIn(ids.shop)
    const claims = claimsOf(accessToken)
    assert.deepEqual(
      [claims.aud, claims.roles, claims.permissions, claims.trustScore],
      [ids.shop, ['buyer'], ['orders.create', 'orders.read'], 5],
    )
    const seen = await verify('shop', accessToken)
    assert.deepEqual(
      [seen.valid, seen.agent?.id, seen.agent?.roles, seen.agent?.email],
      [true, agent.id, ['buyer'], ''],
    )
    assert.deepEqual(await verify('bank', accessToken), { valid: false, error: 'wrong_audience' })
    const forUs = (await agent.signIn()).accessToken
    assert.deepEqual(await verify('shop', forUs), { valid: false, error: 'wrong_audience' })
    for (const garbage of ['x', `${accessToken}x`, keys.bank!])
      assert.equal((await verify('shop', garbage)).valid, false)
    assert.equal((await ask('shop', 'DELETE', about('/roles/buyer'))).status, 200)
    assert.deepEqual((await verify('shop', accessToken)).agent?.roles, [])
    await cli('agent lock coder')
    assert.deepEqual(await verify('shop', accessToken), { valid: false, error: 'agent_inactive' })
    await cli('agent unlock coder')
  })

  test('says how an agent behaved; the operator sees why, and decides on what is disputed', async () => {
    const said = await ask('bank', 'POST', about('/trust'), { score: 0, reason: 'rude\n\u001b[2Jand loud' })
    assert.equal(said.status, 201)
    const { id, counted, trust } = said.json() as { id: string; counted: boolean; trust: { score: number } }
    assert.deepEqual([counted, trust.score], [true, 4.9]) // a new service weighs a tenth
    const history = await cli('trust history coder')
    assert.match(history, /rude\\x0a\\x1b\[2Jand loud/)
    await cli(`trust dispute ${id}`)
    assert.equal(JSON.parse(await cli('trust show coder --json')).score, 5)
    assert.match(await cli(`trust decide ${id} perhaps`, 64), /\[usage\]/)
    await cli(`trust decide ${id} drop`)
    const shown = (await ask('bank', 'GET', about('/trust'))).json() as object
    assert.deepEqual(shown, JSON.parse(await cli('trust show coder --json')))
    for (const body of [{ score: 11, reason: 'x' }, { score: 5, reason: '' }, { score: '5', reason: 'x' }, {}])
      assert.equal((await ask('bank', 'POST', about('/trust'), body)).code, 'request_invalid')
    assert.equal((await ask('bank', 'POST', about('/trust'), { score: 5, reason: ' ' })).code, 'report_invalid')
  })

  test('is told from everybody else, at every endpoint', async () => {
    const issued = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'coder' })
    const { accessToken } = await agent.signIn()
    const paths = [
      ['GET', '/relying/self'],
      ['GET', about()],
      ['GET', about('/trust')],
      ['DELETE', about('/roles/buyer')],
    ] as const
    const refused = [
      [keys.shop!.slice(0, -1) + (keys.shop!.endsWith('0') ? '1' : '0'), 401, 'unauthenticated'],
      ['svc_nothing', 401, 'unauthenticated'],
      [issued.token, 403, 'caller_refused'],
      [accessToken, 403, 'caller_refused'],
      [gateway.operatorToken, 403, 'caller_refused'],
    ] as const
    for (const [method, path] of paths)
      for (const [token, status, code] of refused) {
        const reply = await ask(token, method, path)
        assert.deepEqual([reply.status, reply.code], [status, code], `${method} ${path}`)
      }
    assert.equal((await ask('shop', 'GET', '/auth/self')).code, 'caller_refused')
    const call = { service: 'demo', method: 'GET', path: '/' }
    assert.equal((await ask('shop', 'POST', '/call', call)).status, 401)
    assert.equal((await gateway.operator('GET', '/relying', undefined, keys.shop)).code, 'caller_refused')
    assert.equal((await ask('shop', 'GET', '/relying')).status, 404)
    const self = (await ask('shop', 'GET', '/relying/self')).json() as { name: string; roles: { id: string }[] }
    assert.deepEqual([self.name, self.roles.map(({ id }) => id), 'keys' in self], ['shop', ['buyer'], false])
    assert.equal((await ask('shop', 'GET', '/relying/agents/coder')).code, 'agent_unknown')
  })

  test('is managed by its operator, over a restart and while the vault is sealed', async () => {
    const file = join(folder, 'shop.key')
    await cli(`relying key issue shop --label next --out ${file}`)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    keys.next = readFileSync(file, 'utf8').trim()
    assert.match(await cli('relying show shop'), /next +active/)
    assert.equal((await cli('relying show shop --json')).includes(keys.next), false)
    await cli('relying default bank')
    assert.match(await cli('role assign coder shop buyer --ttl 1h'), /^agent +coder\nservice +shop\nrole +buyer\n/)
    assert.match(await cli('role list shop'), /buyer +orders\.create orders\.read +1/)
    assert.match(await cli('role list shop --agent coder'), /coder .*buyer/)
    assert.match(await cli('role assign coder bank buyer', 1), /\[role_of_other_service\]/)
    await gateway.restart()
    assert.equal((await ask('next', 'GET', about())).status, 200)
    assert.match(await cli('relying list'), /bank .* true/)
    const before = (await ask('next', 'GET', about())).json() as { roles: string[] }
    assert.deepEqual(before.roles, ['buyer'])
    await cli('role revoke coder shop buyer')
    assert.match(await cli('role remove shop buyer'), /^removed buyer of shop; nothing hung on it\n$/)
    const leaked = await gateway.agent('POST', '/claviger/v1/tokens/revoke-leaked', {
      headers: json,
      body: JSON.stringify({ token: keys.next }),
    })
    assert.deepEqual([leaked.status, (await ask('next', 'GET', about())).status], [200, 401])
    const [key] = JSON.parse(await cli('relying show bank --json')).keys
    await gateway.does('POST', '/seal')
    assert.equal((await ask('shop', 'GET', about())).code, 'vault_sealed')
    await gateway.does('POST', '/unseal', { keyFile: true })
    assert.equal((await ask('shop', 'GET', about())).status, 200)
    await cli(`relying key revoke bank ${key.id}`)
    await cli('role set shop buyer')
    await cli('role assign coder shop buyer')
    assert.match(await cli('relying remove shop'), /^removed shop, and with it \d keys, \d roles? and 1 assignment\n$/)
    for (const who of ['shop', 'bank']) assert.equal((await ask(who, 'GET', about())).status, 401)
  })
})

test('a key that was revoked does not come back with an older copy that an operator accepts', async () => {
  await using gateway = await Gateway.start()
  await gateway.does('POST', '/relying', { name: 'shop', owner: 'acme' })
  const issue = () => gateway.does<{ id: string; key: string }>('POST', '/relying/shop/keys', {})
  const { id, key } = await issue()
  const self = async (with_: string) =>
    (await gateway.agent('GET', '/claviger/v1/relying/self', { headers: { authorization: `Bearer ${with_}` } })).status
  const database = join(gateway.home, 'claviger.db')
  await gateway.stop()
  const copy = readFileSync(database)
  await gateway.restart()
  assert.equal(await self(key), 200)
  await gateway.does('DELETE', `/relying/shop/keys/${id}`)
  assert.equal(await self(key), 401)
  await gateway.stop()
  writeFileSync(database, copy)
  await gateway.restart()
  assert.equal(await self(key), 503)
  await gateway.does('POST', '/unseal', { keyFile: true, accept: true })
  assert.equal(await self(key), 401)
  assert.equal(await self((await issue()).key), 200)
})
