/** An agent asks for explanations to learn what it was not given. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type World, world } from '../instruments/world.ts'

async function explained(around: World, service: string, token = around.token) {
  const { gateway } = around
  const reply = await gateway.agent('POST', '/claviger/v1/explain', {
    headers: {
      host: `127.0.0.1:${gateway.port}`,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ service, method: 'GET', path: '/n/1' }),
  })
  return { status: reply.status, code: reply.code, text: reply.text() }
}

describe('explaining to agents', () => {
  test('a service that was not granted and one that is not there are explained alike', async () => {
    await using around = await world()
    await around.gateway.does('POST', '/services', {
      name: 'hidden',
      origins: [around.upstream.origin],
      addresses: ['127.0.0.0/8'],
      injection: { kind: 'none' },
    })
    const [hidden, absent] = [await explained(around, 'hidden'), await explained(around, 'absent')]
    assert.deepEqual([hidden.status, hidden.text], [absent.status, absent.text])
    assert.match((await explained(around, 'u')).text, /"outcome":"allow"/)
    const forOperator = await around.gateway.operator('POST', '/explain', {
      agent: 'agent-of-u',
      service: 'hidden',
      method: 'GET',
      path: '/n/1',
    })
    assert.match(forOperator.text(), /"check":"serviceIsKnown","say":"pass"/)
  })

  test('a revoked token and a locked agent are told nothing', async () => {
    await using around = await world()
    const { gateway } = around
    const { id, token } = await gateway.does<{ id: string; token: string }>('POST', '/tokens', { agent: 'agent-of-u' })
    await gateway.does('DELETE', `/tokens/${id}`)
    assert.deepEqual((await explained(around, 'u', token)).code, 'token_not_live')
    await gateway.does('POST', '/agents/agent-of-u/lock')
    assert.deepEqual((await explained(around, 'u')).code, 'agent_not_active')
    await gateway.does('POST', '/emergency-revoke')
    await gateway.does('POST', '/agents/agent-of-u/unlock')
    assert.deepEqual((await explained(around, 'u')).code, 'token_not_live')
  })
})
