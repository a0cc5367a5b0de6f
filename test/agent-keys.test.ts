import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'
import { dpopProof, heldKey, newKeys } from './instruments/proofs.ts'
import type { Reply } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const json = { 'content-type': 'application/json' }

let around: World
before(async () => {
  around = await world()
})
after(() => around[Symbol.asyncDispose]())

let count = 0
/** An agent with a key that was granted everything on `u`. */
async function granted(scopes = ['u:*']): Promise<KeyAgent> {
  count += 1
  const agent = await KeyAgent.add(around.gateway, `keyed-${count}`)
  await around.gateway.does('POST', '/grants', { agent: agent.id, service: 'u', scopes })
  return agent
}

const call = (token: string, headers: Record<string, string> = {}) => around.call('/n/1', { token, headers })
const ask = (path: string, body: unknown): Promise<Reply> =>
  around.gateway.agent('POST', `/claviger/v1${path}`, { headers: json, body: JSON.stringify(body) })
const codeOf = (reply: Reply) => reply.code

const cli = async (line: string, code = 0) => (await asOperator(around.gateway, line, code)).stdout

describe('a signed access token', () => {
  test('is taken at every way in, and the service sees the credential and never the token', async () => {
    const { accessToken } = await (await granted()).signIn()
    const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const ways: Record<string, string>[] = [
      { authorization: `Bearer ${accessToken}` },
      { 'x-api-key': accessToken },
      { authorization: basic(accessToken, '') },
      { authorization: basic('x', accessToken) },
      { authorization: `Bearer ${accessToken}`, 'x-api-key': 'sk-placeholder' },
    ]
    const before = around.upstream.receipts.length
    for (const headers of ways) assert.equal((await around.call('/n/1', { token: '', headers })).status, 200)
    const explicit = await around.gateway.agent('POST', '/claviger/v1/call', {
      headers: { ...json, authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ service: 'u', method: 'GET', path: '/n/1' }),
    })
    assert.equal(explicit.status, 200)
    const seen = around.upstream.receipts.slice(before)
    assert.equal(seen.length, ways.length + 1)
    for (const receipt of seen) {
      const text = JSON.stringify(receipt)
      assert.ok(text.includes(around.secret) && !text.includes(accessToken))
    }
  })

  test('goes on to nobody, wherever a copy of it stands', async () => {
    const { accessToken } = await (await granted()).signIn()
    const before = around.upstream.receipts.length
    const misplaced = [
      await call(accessToken, { 'x-my-copy': accessToken }),
      await call(accessToken, { referer: `https://x.example/?t=${accessToken}` }),
      await around.call(`/n/1?foo=${accessToken}`, { token: accessToken }),
      await around.call(`/n/${accessToken}`, { token: accessToken }),
    ]
    for (const reply of misplaced) assert.equal(codeOf(reply), 'token_misplaced')
    const explicit = await around.gateway.agent('POST', '/claviger/v1/call', {
      headers: { ...json, authorization: `Bearer ${accessToken}` },
      body: JSON.stringify({ service: 'u', method: 'GET', path: '/n/1', headers: { 'x-my-copy': accessToken } }),
    })
    assert.equal(codeOf(explicit), 'token_misplaced')
    assert.equal(around.upstream.receipts.length, before)
  })

  const endings: [
    string,
    (agent: KeyAgent, tokens: { refreshToken?: string; accessToken: string }) => Promise<unknown>,
  ][] = [
    [
      'its key is revoked',
      async (agent) => {
        const { items } = await around.gateway.does<{ items: { id: string }[] }>('GET', `/agents/${agent.id}/keys`)
        await around.gateway.does('DELETE', `/agents/${agent.id}/keys/${items[0]!.id}`)
      },
    ],
    [
      'its key’s overlap is over',
      async (agent) => {
        const key = await heldKey(around.gateway.url, newKeys(), { sub: agent.id })
        await around.gateway.does('POST', `/agents/${agent.id}/keys`, { ...key, retireOthersAfterSeconds: 1 })
      },
    ],
    ['its agent is locked', (agent) => around.gateway.does('POST', `/agents/${agent.id}/lock`)],
    ['its agent is revoked', (agent) => around.gateway.does('POST', `/agents/${agent.id}/revoke`)],
    ['its holder ends it', (_agent, { accessToken }) => ask('/auth/revoke', { token: accessToken })],
    [
      'its refresh token is shown to be ended',
      (_agent, { refreshToken }) => ask('/auth/revoke', { token: refreshToken }),
    ],
    [
      'its refresh token is used twice',
      async (_agent, { refreshToken }) => {
        assert.equal((await ask('/auth/refresh', { refreshToken })).status, 200)
        assert.equal(codeOf(await ask('/auth/refresh', { refreshToken })), 'refresh_reused')
      },
    ],
  ]
  for (const [what, end] of endings) {
    test(`stops the next call, and the stream that runs, when ${what}`, async () => {
      around.upstream.on('endless', (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const timer = setInterval(() => response.write('data: more\n\n'), 20)
        response.on('close', () => clearInterval(timer))
      })
      const agent = await granted()
      const tokens = await agent.signIn()
      let begun = false
      const onChunk = () => {
        begun = true
      }
      const over = around.call('/endless', { token: tokens.accessToken, onChunk, discard: true }).catch(() => 'cut')
      await until(() => begun)
      await end(agent, tokens)
      assert.equal(await over, 'cut')
      assert.ok([401, 403].includes((await call(tokens.accessToken)).status))
    })
  }

  test('never widens what was granted, and narrows it by its scope', async () => {
    const agent = await granted(['u:read'])
    const scoped = await agent.signIn(undefined, { scope: 'u:write' })
    assert.equal(codeOf(await call(scoped.accessToken)), 'scope_not_in_token')
    const read = await agent.signIn(undefined, { scope: 'u:read' })
    assert.equal((await call(read.accessToken)).status, 200)
    const refused = await around.call('/n/1', { token: read.accessToken, method: 'POST' })
    assert.equal(codeOf(refused), 'scope_not_granted')
    for (const scope of ['u:read\0', 'u:read\n', 'ü:read'])
      await assert.rejects(agent.signIn(undefined, { scope }), / → 400 /)
  })
})

describe('a token that is bound to a key', () => {
  test('is worth nothing without a fresh proof for this very call', async () => {
    const agent = await granted()
    const { privateKey } = newKeys()
    const at = (path: string) => `${around.gateway.url}${path}`
    const dpop = dpopProof(privateKey, 'POST', at('/claviger/v1/auth/token'))
    const tokens = await agent.signIn(undefined, {}, { dpop })
    assert.equal(tokens.tokenType, 'DPoP')
    const token = tokens.accessToken
    const htu = at('/to/u/n/1')
    const good = dpopProof(privateKey, 'GET', htu, token)
    const send = (headers: Record<string, string>) =>
      around.call('/n/1', { token: '', headers: { authorization: `DPoP ${token}`, ...headers } })
    const before = around.upstream.receipts.length
    assert.equal((await send({ dpop: good })).status, 200)
    const sent = JSON.stringify(around.upstream.receipts.at(-1))
    assert.ok(!sent.includes(good), 'the proof went to the service')
    for (const [what, headers] of [
      ['none', {}],
      ['the same again', { dpop: good }],
      ['another method', { dpop: dpopProof(privateKey, 'POST', htu, token) }],
      ['another path', { dpop: dpopProof(privateKey, 'GET', at('/to/u/n/2'), token) }],
      ['another host', { dpop: dpopProof(privateKey, 'GET', 'https://elsewhere.example/to/u/n/1', token) }],
      ['another token', { dpop: dpopProof(privateKey, 'GET', htu, token, { ath: 'x' }) }],
      ['another key', { dpop: dpopProof(newKeys().privateKey, 'GET', htu, token) }],
      ['an old one', { dpop: dpopProof(privateKey, 'GET', htu, token, { iat: 1_000_000 }) }],
    ] as const) {
      const reply = await send(headers as Record<string, string>)
      assert.equal(codeOf(reply), 'possession_unproven', what)
      assert.match(reply.headers['www-authenticate'] as string, /^DPoP /, what)
    }
    assert.equal(around.upstream.receipts.length, before + 1)
    assert.equal(codeOf(await ask('/auth/refresh', { refreshToken: tokens.refreshToken })), 'refresh_invalid')
  })
})

describe('registration', () => {
  const body = async (name: string, more: Record<string, unknown> = {}, keys = newKeys()) => ({
    name,
    ...(await heldKey(around.gateway.url, keys)),
    ...more,
  })

  test('wants an invite, which is good once', async () => {
    assert.equal(codeOf(await ask('/agents/register', await body('stranger'))), 'registration_closed')
    const invite = (await cli('agent invite')).trim()
    const made = await ask('/agents/register', await body('invited', { invite }))
    assert.deepEqual([made.status, (made.json() as { status: string }).status], [201, 'active'])
    const again = await ask('/agents/register', await body('invited-2', { invite }))
    assert.deepEqual([again.status, codeOf(again)], [410, 'invite_invalid'])
  })

  test('shows the invites that are open, and ends those that an operator takes back or a finder shows', async () => {
    const open = async () => JSON.parse(await cli('agent invite list --json')).items
    const before = (await open()).length
    const { id: agent } = await granted()
    const [kept, ended, leaked] = await Promise.all(
      ['', '', ` ${agent}`].map(async (whom) => JSON.parse(await cli(`agent invite${whom} --json`))),
    )
    const listed: { id: string; agent?: string }[] = await open()
    assert.equal(listed.length, before + 3)
    assert.equal(listed.find(({ id }) => id === leaked.id)?.agent, agent)
    assert.ok(!JSON.stringify(listed).includes(kept.invite))
    await cli(`agent invite revoke ${ended.id}`)
    await cli(`agent invite revoke ${ended.id}`, 1)
    const shown = await ask('/tokens/revoke-leaked', { token: leaked.invite })
    const made = `${leaked.invite.slice(0, 30)}${kept.invite.slice(30)}`
    assert.deepEqual([shown.status, (await ask('/tokens/revoke-leaked', { token: made })).status], [200, 200])
    for (const { invite } of [ended, leaked])
      assert.equal(codeOf(await ask('/agents/register', await body('late', { invite }))), 'invite_invalid')
    assert.deepEqual(
      (await open())
        .map(({ id }: { id: string }) => id)
        .filter((id: string) => [kept, ended, leaked].some((one) => one.id === id)),
      [kept.id],
    )
    assert.equal((await ask('/agents/register', await body('kept', { invite: kept.invite }))).status, 201)
    assert.equal((await open()).length, before)
  })

  test('ends a signed token that somebody found', async () => {
    const { accessToken } = await (await granted()).signIn()
    assert.equal((await ask('/tokens/revoke-leaked', { token: accessToken })).status, 200)
    assert.equal((await call(accessToken)).status, 401)
  })

  test('has one winner for one invite', async () => {
    const invite = (await cli('agent invite')).trim()
    const tries = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => ask('/agents/register', await body(`racer-${at}`, { invite }))),
    )
    assert.deepEqual(tries.map(({ status }) => status).toSorted(), [201, ...Array(7).fill(410)])
  })

  test('refuses a key that is not proven, or that somebody has', async () => {
    const keys = newKeys()
    const invite = (await cli('agent invite')).trim()
    const good = await body('proven', { invite }, keys)
    const other = await body('proven', { invite })
    assert.equal(codeOf(await ask('/agents/register', { ...good, proof: other.proof })), 'proof_invalid')
    assert.equal((await ask('/agents/register', good)).status, 201)
    const second = (await cli('agent invite')).trim()
    assert.equal(codeOf(await ask('/agents/register', await body('copy', { invite: second }, keys))), 'key_taken')
  })
})

describe('containing an agent', () => {
  test('stops all it has, says what it called, and lets it come back with a new key', async () => {
    const agent = await granted()
    const { accessToken } = await agent.signIn()
    const opaque = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: agent.id })
    assert.equal((await call(accessToken)).status, 200)
    assert.equal((await call(opaque.token)).status, 200)
    const told = JSON.parse(await cli(`agent contain ${agent.id} --json`))
    assert.deepEqual(told.stopped, { keys: 1, tokens: 1, sessions: 1, grants: 1 })
    assert.equal(told.calls.length, 2)
    for (const token of [accessToken, opaque.token]) assert.ok([401, 403].includes((await call(token)).status))
    await assert.rejects(agent.signIn())
    assert.equal((await agent.rekey(told.invite)).status, 201)
    await around.gateway.does('POST', `/agents/${agent.id}/unlock`)
    for (const token of [accessToken, opaque.token]) assert.ok([401, 403].includes((await call(token)).status))
  })
})

describe('a person’s data', () => {
  test('is given out, and removed once the agent is revoked', async () => {
    const agent = await KeyAgent.add(around.gateway, 'of-alice', { email: 'alice@example.com' })
    await agent.signIn()
    assert.match(await cli('agent export of-alice'), /alice@example\.com/)
    for (const file of ['claviger.db', 'claviger.db-wal', 'audit-index.db', 'audit-index.db-wal']) {
      const bytes = readFileSync(join(around.gateway.home, file))
      assert.ok(!bytes.includes('alice@example.com'), `${file} says who stands behind the agent`)
    }
    await cli('agent erase of-alice', 1)
    await cli('agent revoke of-alice')
    await cli('agent erase of-alice')
    const left = await cli(`agent export ${agent.id}`)
    assert.ok(!/alice/.test(left), left)
    assert.ok(!/of-alice/.test(await cli('agent list')))
  })
})

describe('a key that grows old', () => {
  test('is told of, then refused, where the installation wants it replaced', async () => {
    await using young = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_KEY_MAX_AGE_DAYS: '10' } })
    const agent = await KeyAgent.add(young, 'ages')
    assert.equal('keyRefusedAt' in (await agent.signIn()), false)
    const { items } = await young.does<{ items: { createdAt: number; refusedAt: number }[] }>(
      'GET',
      '/agents/ages/keys',
    )
    assert.equal(items[0]!.refusedAt - items[0]!.createdAt, 10 * 86_400_000)
  })
})

describe('an emergency revocation', () => {
  test('keeps agents from signing in again, also after a restart, until an operator unlocks them', async () => {
    await using own = await world()
    const agent = await KeyAgent.add(own.gateway, 'signer')
    await agent.signIn()
    await asOperator(own.gateway, 'emergency-revoke')
    for (let times = 0; times < 2; times += 1) {
      await assert.rejects(agent.signIn(), /agent_stopped/)
      await own.gateway.restart()
    }
    await asOperator(own.gateway, 'agent unlock signer')
    const { accessToken } = await agent.signIn()
    assert.ok(accessToken)
  })

  test('lets in who comes with a new key and an invite', async () => {
    await using own = await world()
    const agent = await KeyAgent.add(own.gateway, 'signer')
    await asOperator(own.gateway, 'emergency-revoke')
    const { invite } = JSON.parse((await asOperator(own.gateway, 'agent contain signer --json')).stdout)
    assert.equal((await agent.rekey(invite)).status, 201)
  })
})
