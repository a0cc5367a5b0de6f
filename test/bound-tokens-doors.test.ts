// On a token's own socket the doors take that token alone, whoever else's is shown there.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'

const CLAUTH_ADMIN = 'an-admin-token-of-clauth-0123456789'
let world: BotMakerWorld
let socketPath = ''
let caged = ''
before(async () => {
  world = await BotMakerWorld.start({ env: { CLAUTH_ADMIN_TOKEN: CLAUTH_ADMIN, CLAVIGER_DEMO: 'off' } })
  for (const vendor of ['openai', 'google']) await world.key(vendor)
  for (const segment of ['v1', 'v1beta']) world.answers(segment, (_, response) => json(response, 200, { ok: true }))
  const { id: agent } = await world.gateway.does<{ id: string }>('POST', '/agents', { name: 'caged' })
  await world.gateway.does('POST', '/llm/bots', { name: 'caged-bot', agent })
  const issued = { agent, from: ['socket'] }
  const made = await world.gateway.does<{ token: string; socketFolder: string }>('POST', '/tokens', issued)
  socketPath = join(made.socketFolder, 'gateway.sock')
  caged = made.token
})
after(() => world[Symbol.asyncDispose]())

function ask(path: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
  return send({ socketPath, method: 'GET', path, headers: { host: 'localhost', ...headers } })
}

async function denials(): Promise<number> {
  const path = '/audit/records?type=deny'
  const { items } = await world.gateway.does<{ items: { reason?: string }[] }>('GET', path)
  return items.filter((item) => JSON.stringify(item).includes('token_elsewhere')).length
}

test('a bot’s token is refused on the socket of another, wherever it stands, and on record', async () => {
  const bot = await world.bot('other')
  const own = { authorization: `Bearer ${caged}` }
  const tries: [path: string, headers: Readonly<Record<string, string>>][] = [
    ['/v1/openai/models', { authorization: `Bearer ${bot}` }],
    ['/v1/openai/models', { 'x-api-key': bot }],
    ['/v1/openai/models', { authorization: `Bearer ${bot}`, 'x-api-key': caged }],
    ['/v1/openai/models', { ...own, 'x-goog-api-key': bot }],
    [`/v1/google/models?key=${bot}`, {}],
    [`/a/${caged}/v1/google/models?key=${bot}`, {}],
  ]
  for (const [path, headers] of tries)
    assert.equal((await ask(path, headers)).status, 403, JSON.stringify([path, headers]))
  assert.equal(world.upstream.receipts.length, 0)
  await until(async () => (await denials()) >= tries.length)
  assert.equal((await ask('/v1/openai/models', own)).status, 200)
  assert.equal((await world.call(bot, '/v1/openai/models', { method: 'GET' })).status, 200)
})

test('what other doors know is refused there, whether it is good or not', async () => {
  const skill = await world.gateway.agent('POST', '/clauth/v1/admin/skill-token/issue', {
    headers: { 'x-clauth-admin-token': CLAUTH_ADMIN, 'content-type': 'application/json' },
    body: JSON.stringify({ skillId: 'a-skill' }),
  })
  const { token } = skill.json() as { token: string }
  await world.gateway.does('POST', '/agents', { name: 'keyed' })
  const { key } = await world.gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'keyed', name: 'k' })
  for (const [path, headers] of [
    ['/clauth/v1/status', { 'x-clauth-skill-token': token }],
    ['/clauth/v1/status', { 'x-clauth-admin-token': CLAUTH_ADMIN, authorization: `Bearer ${caged}` }],
    ['/api/v1/approval/verify-token', { 'x-api-key': key }],
    ['/api/v1/approval/verify-token', { authorization: `Bearer ${key}` }],
  ] as const) {
    const reply = await ask(path, headers)
    assert.deepEqual([reply.status, reply.code], [403, 'token_elsewhere'], path)
  }
})
