// The SDK's ClauthClient, for whom only the import changed, at a real gateway.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ClauthClient, ClauthError } from '../sdk/src/clauth/clauth-client.ts'
import { ClauthWorld } from './instruments/clauth-world.ts'

let world: ClauthWorld
let client: ClauthClient
before(async () => {
  world = await ClauthWorld.start()
  client = new ClauthClient({ daemonUrl: world.gateway.url, skillId: world.skillId, skillToken: world.token })
})
after(() => world[Symbol.asyncDispose]())

describe('ClauthClient at a real gateway', () => {
  test('reads, without a body, and gives exactly what the provider answered', async () => {
    const answer = await client.fetch('github', 'main', 'github:read', world.url('/status/404?a=b'))
    assert.deepEqual([answer.status, answer.body, Object.keys(answer).length], [404, { status: '404' }, 3])
    const receipt = world.upstream.receipts.at(-1)
    assert.deepEqual([receipt?.method, receipt?.url, receipt?.body.length], ['GET', '/status/404?a=b', 0])
    assert.deepEqual(receipt?.headers.get('authorization'), [`Bearer ${world.secret}`])
    assert.equal(receipt?.headers.get('content-type'), undefined)
  })

  test('writes text as it is and anything else as JSON, where the grant lets it', async () => {
    const post = (body: unknown) =>
      client.fetch('github', 'main', 'github:write', world.url('/mirror'), { method: 'POST', body })
    await assert.rejects(post({}), (error: unknown) => {
      return error instanceof ClauthError && error.code === 'ACCESS_DENIED' && error.statusCode === 403
    })
    await world.grant({ scope: 'github:write' })
    assert.deepEqual((await post({ a: ['ä', null] })).body, { a: ['ä', null] })
    await post('plain')
    assert.equal(world.upstream.receipts.at(-1)?.body.bytes.toString(), 'plain')
  })

  test('is told health, status and every refusal in the codes it knows', async () => {
    assert.equal(await client.health(), true)
    const { vaultUnlocked, requireSkillToken } = await client.status()
    assert.deepEqual([vaultUnlocked, requireSkillToken], [true, true])
    const { skillId } = world
    const stranger = new ClauthClient({ daemonUrl: world.gateway.url, skillId, skillToken: 'b'.repeat(43) })
    const call = (one: ClauthClient, handle: string, endpoint: string) =>
      one.fetch('github', handle, 'github:read', endpoint)
    await assert.rejects(call(stranger, 'main', world.url('/x')), { code: 'UNAUTHORIZED', statusCode: 401 })
    await assert.rejects(call(client, 'none', world.url('/x')), { code: 'NOT_FOUND', statusCode: 404 })
    await assert.rejects(call(client, 'main', 'https://evil.example/x'), { code: 'VALIDATION_ERROR', statusCode: 422 })
    await assert.rejects(client.getIdentityStatus('x'), ClauthError)
    await assert.rejects(client.listIdentityProofs(), ClauthError)
  })
})
