// Whoever registers itself chooses a name, and a name that gives authority is not for the taking.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { heldKey, newKeys } from './instruments/proofs.ts'
import type { Reply } from './instruments/send.ts'
import { asAdmin, done, refusedWith, vaultEnv } from './instruments/vault-client.ts'

let gateway: Gateway
before(async () => {
  gateway = await Gateway.start({
    env: { ...vaultEnv, CLAVIGER_PUBLIC_REGISTRATION: 'on', CLAVIGER_AGENT_LISTEN: 'porter=127.0.0.1:0' },
  })
})
after(() => gateway[Symbol.asyncDispose]())

const headers = { 'content-type': 'application/json' }
const post = (path: string, body: object): Promise<Reply> =>
  gateway.agent('POST', path, { headers, body: JSON.stringify(body) })
const invite = async (line = '') => (await asOperator(gateway, `agent invite ${line}`.trim())).stdout.trim()

async function register(name: string, more: { invite?: string } = {}): Promise<Reply> {
  return post('/claviger/v1/agents/register', { name, ...(await heldKey(gateway.url, newKeys())), ...more })
}
const idOf = (reply: Reply) => (reply.json() as { agentId: string }).agentId

const form = (service: string, more: object) => ({
  ...{ service, baseUrl: 'https://api.example.com', secretRef: `${service}_key` },
  ...{ allowedActions: ['issue', 'x.get'], allowedScopes: [`${service}:a:read`] },
  endpoints: { 'x.get': { method: 'GET', path: '/x', requiredScope: [`${service}:a:read`] } },
  ...more,
})

describe('a name that a service of the vault door stands open to', () => {
  before(async () => {
    done(
      await asAdmin(gateway, 'addService', form('till', { allowedAgents: ['cashier'], agentScopes: { auditor: [] } })),
    )
  })

  for (const name of ['cashier', 'auditor', 'porter']) {
    test(`${name} is not for the taking, with an invite or without`, async () => {
      assert.equal((await register(name, { invite: await invite() })).code, 'agent_name_reserved')
      assert.equal((await register(name)).code, 'agent_name_reserved')
    })
  }

  test('is for whom an invite gives it to, and the invite for no other name', async () => {
    const text = await invite('--name cashier')
    assert.equal((await register('till-thief', { invite: text })).code, 'invite_names_other')
    const reply = await register('cashier', { invite: text })
    assert.equal(reply.status, 201, reply.text())
    const agent = await gateway.does<{ items: { id: string; origin?: string }[] }>('GET', '/agents')
    assert.equal(agent.items.find(({ id }) => id === idOf(reply))?.origin, 'named-invite')
    assert.equal((await register('cashier', { invite: text })).code, 'invite_invalid')
    await asOperator(gateway, 'agent invite --name cashier', 1)
  })

  test('goes on to nobody else when its agent is erased', async () => {
    await asOperator(gateway, 'agent add auditor')
    await asOperator(gateway, 'agent revoke auditor')
    await asOperator(gateway, 'agent erase auditor')
    assert.equal((await register('auditor', { invite: await invite() })).code, 'agent_name_reserved')
  })

  test('is another at the ClawAuth door, unless the invite says it', async () => {
    const door = async (more: object) => {
      const { publicKey } = await heldKey(gateway.url, newKeys())
      const reply = await post('/auth/register', { email: 'a@example.com', name: 'Porter', publicKey, ...more })
      assert.equal(reply.status, 201, reply.text())
      const { items } = await gateway.does<{ items: { id: string; name: string }[] }>('GET', '/agents')
      return items.find(({ id }) => id === idOf(reply))!.name
    }
    assert.match(await door({ invite: await invite() }), /^porter-/)
    assert.equal(await door({ invite: await invite('--name porter') }), 'porter')
  })
})

describe('an agent that gave itself its name', () => {
  test('is not who a service of the vault door means by it, unless its id is said', async () => {
    const id = idOf(await register('tony', { invite: await invite() }))
    const wanted = form('safe', { allowedAgents: ['tony'] })
    refusedWith(await asAdmin(gateway, 'addService', wanted), 'AGENT_NAMED_ITSELF:tony', 400)
    const scopes = form('safe', { allowedAgents: ['*'], agentScopes: { tony: [] } })
    refusedWith(await asAdmin(gateway, 'addService', scopes), 'AGENT_NAMED_ITSELF:tony', 400)
    done(await asAdmin(gateway, 'addService', { ...wanted, allowedAgents: [id] }))
    refusedWith(
      await asAdmin(gateway, 'updateService', { service: 'safe', allowedAgents: [id, 'tony'] }),
      'AGENT_NAMED_ITSELF:tony',
      400,
    )
  })

  test('is no skill of the Clauth door before an operator named it by its id', async () => {
    const id = idOf(await register('billing-bot', { invite: await invite() }))
    await gateway.does('POST', '/services', {
      name: 'demo',
      origins: ['https://api.example.com'],
      injection: { kind: 'bearer' },
    })
    const grant = (skillId: string) => ({ skillId, provider: 'demo', scope: 'demo:read' })
    const asked = async (path: string, body: object, code: string) => {
      await assert.rejects(gateway.does('POST', `/clauth/${path}`, body), (error: Error) =>
        error.message.includes(code),
      )
    }
    await asked('grants', grant('billing-bot'), 'clauth_skill_named_itself')
    await asked('skill-tokens', { skillId: 'billing-bot' }, 'clauth_skill_named_itself')
    await gateway.does('POST', '/clauth/grants', grant(id))
    await gateway.does('POST', '/clauth/grants', grant('billing-bot'))
    const { token } = await gateway.does<{ token: string }>('POST', '/clauth/skill-tokens', { skillId: 'billing-bot' })
    assert.ok(token.length > 20)
  })
})
