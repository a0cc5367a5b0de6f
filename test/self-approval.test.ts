// An agent answers nothing, its own least of all (G-03): whatever it shows, wherever it comes, at every endpoint that answers.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AgentClient } from '../sdk/src/agent/agent-client.ts'
import { generateKeyPair } from '../sdk/src/keys.ts'
import { webCryptoSigner } from '../sdk/src/signer.ts'
import { ClawGateClient } from './instruments/clawgate-client.ts'
import { type Reply, send } from './instruments/send.ts'
import { type World, world } from './instruments/world.ts'

type Headers = Record<string, string>
/** What an agent shows for a request to this address. */
type Shown = (method: string, url: string) => Promise<Headers>

let around: World
let shown: Readonly<Record<string, Shown>>
/** What each agent asked itself. */
let asked: { readonly id: string; readonly digest: string }[]
let stated: string

before(async () => {
  around = await world({ service: { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } } })
  const { gateway, token } = around
  const [bearer, bound] = [await signing('signs'), await signing('is-bound', true)]
  const { key } = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: 'signs', name: 'k' })
  const byBearer = (presented: string) => async () => ({ authorization: `Bearer ${presented}` })
  const boundToken = await bound.accessToken()
  shown = {
    'an API key': byBearer(token),
    'a signed token': (method, url) => bearer.headersFor(method, url),
    'a token that is bound to a key, with its proof': (method, url) => bound.headersFor(method, url),
    'a token that is bound to a key, without': byBearer(boundToken),
    'an API key of the ClawGate door': byBearer(key),
    nothing: async () => ({}),
  }
  await around.call('/pay/1', { method: 'POST', headers: { prefer: 'wait=0' }, body: '{}' })
  for (const [agent, path] of [
    [bearer, '/pay/2'],
    [bound, '/pay/3'],
  ] as const)
    await assert.rejects(agent.call('u', { method: 'POST', path, headers: { prefer: 'wait=0' }, body: '{}' }))
  stated = (await new ClawGateClient(gateway, key).request()).requestId
  asked = (await gateway.does<{ items: typeof asked }>('GET', '/approvals?status=pending')).items
  assert.equal(asked.length, 4)
})
after(() => around[Symbol.asyncDispose]())

async function signing(name: string, dpop = false): Promise<AgentClient> {
  const { gateway } = around
  const signer = await webCryptoSigner(await generateKeyPair())
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
  const at = { baseUrl: gateway.url, signer }
  const { agentId } = await AgentClient.register({ ...at, name, invite })
  await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
  return new AgentClient({ ...at, agentId, dpop })
}

/** Where requests can be sent: the origin that a proof names, and how to get there. */
function places(): Readonly<Record<string, { readonly origin: string; readonly to: object }>> {
  const { gateway } = around
  const pages = gateway.ready.operators as string
  return {
    'the agents’ listener': { origin: gateway.url, to: { port: gateway.port } },
    'the operators’ listener': { origin: pages, to: { port: Number(new URL(pages).port) } },
    'the operators’ socket': { origin: 'http://localhost', to: { socketPath: gateway.socketPath } },
  }
}

/** Everything that answers an approval, or helps with it. */
const attempts = ({ id, digest }: { id: string; digest: string }) =>
  [
    ['POST', `/claviger/v1/approvals/${id}/verdict`, { verdict: 'approved', digest }],
    ['POST', `/claviger/v1/approvals/${id}/verdict`, { verdict: 'denied', digest }],
    ['POST', `/claviger/v1/approvals/${id}/challenge`, { digest }],
    ['POST', `/claviger/v1/approvals/${id}/withdraw`, undefined],
    ['GET', `/claviger/v1/approvals/${id}`, undefined],
    ['GET', `/claviger/v1/approvals/${id}/body`, undefined],
    ['DELETE', `/claviger/v1/windows/${id}`, undefined],
    ['POST', '/claviger/v1/people/sign-in/start', undefined],
    ['POST', '/claviger/v1/push/start', undefined],
  ] as const

const atTheDoor = (id: string) =>
  [
    ['POST', `/api/v1/approval/approve/${id}`, {}],
    ['POST', `/api/v1/approval/deny/${id}`, {}],
    ['GET', '/api/v1/approval/pending', undefined],
    ['POST', '/api/v1/passkey/register/start', {}],
  ] as const

async function tried(
  place: keyof ReturnType<typeof places>,
  show: Shown,
  [method, path, body]: readonly [string, string, object | undefined],
): Promise<Reply> {
  const { origin, to } = places()[place] as { origin: string; to: object }
  const typed: Headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...(await show(method, `${origin}${path}`)), ...typed, host: new URL(origin).host }
  return send({ ...to, method, path, headers, body: body && JSON.stringify(body) })
}

describe('an agent', () => {
  test('has tokens that are good, but for the one without its proof', async () => {
    const statuses = new Map<string, number>()
    for (const [kind, show] of Object.entries(shown)) {
      const reply = await tried('the agents’ listener', show, ['GET', '/claviger/v1/auth/self', undefined])
      statuses.set(kind, reply.status)
    }
    assert.deepEqual([...statuses.values()], [200, 200, 200, 401, 401, 401])
  })

  for (const kind of [
    'an API key',
    'a signed token',
    'a token that is bound to a key, with its proof',
    'a token that is bound to a key, without',
    'an API key of the ClawGate door',
    'nothing',
  ]) {
    test(`answers nothing with ${kind} (G-03)`, async () => {
      const show = shown[kind] as Shown
      for (const place of Object.keys(places())) {
        for (const one of asked) {
          for (const attempt of attempts(one)) {
            const { status } = await tried(place, show, attempt)
            assert.ok([401, 403, 404].includes(status), `${attempt[0]} ${attempt[1]} at ${place} → ${status}`)
          }
        }
      }
      for (const attempt of atTheDoor(stated)) {
        const { status } = await tried('the agents’ listener', show, attempt)
        assert.ok([401, 403].includes(status), `${attempt[0]} ${attempt[1]} → ${status}`)
      }
      const { items } = await around.gateway.does<{ items: object[] }>('GET', '/approvals?status=pending')
      assert.equal(items.length, asked.length)
      assert.deepEqual(around.upstream.received('/pay/1'), [])
    })
  }
})
