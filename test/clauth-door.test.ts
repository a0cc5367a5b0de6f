// The Clauth door from end to end, as a client written from the contract's §3 sees it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ClauthClient, ClauthError } from './instruments/clauth-client.ts'
import { ClauthWorld, refusal } from './instruments/clauth-world.ts'

let world: ClauthWorld
before(async () => {
  world = await ClauthWorld.start()
})
after(() => world[Symbol.asyncDispose]())

describe('a client of Clauth', () => {
  test("gets the provider's answer, and the credential goes to the provider alone", async () => {
    world.upstream.on('json', (_request, response) => {
      response.writeHead(201, { 'content-type': 'application/json; charset=utf-8', 'x-twice': ['a', 'b'] })
      response.end('{"n":1.50,"deep":{"é":[true,null]}}')
    })
    const path = '/json/repos?per_page=2'
    const answer = await world.client.fetch('GitHub', 'main', ' GitHub:Read ', world.url(path), {
      headers: { Accept: 'application/vnd.github+json', Authorization: 'Bearer mine', 'Proxy-Authorization': 'x' },
    })
    assert.equal(answer.status, 201)
    assert.deepEqual(answer.body, { n: 1.5, deep: { é: [true, null] } })
    assert.equal(answer.headers['x-twice'], 'a, b')
    const [receipt] = world.upstream.received('/json/repos')
    assert.equal(receipt?.url, path)
    assert.deepEqual(receipt?.headers.get('authorization'), [`Bearer ${world.secret}`])
    assert.deepEqual(receipt?.headers.get('accept'), ['application/vnd.github+json'])
    for (const name of ['proxy-authorization', 'x-clauth-skill-token'])
      assert.equal(receipt?.headers.get(name), undefined)
  })

  test('asks for health and status', async () => {
    assert.equal(await world.client.health(), true)
    const { entries, ...integrity } = (await world.client.status()).auditIntegrity as Record<string, unknown>
    assert.deepEqual([integrity, typeof entries], [{ valid: true }, 'number'])
    const { auditIntegrity: _, ...status } = await world.client.status()
    assert.deepEqual(status, {
      vaultUnlocked: true,
      transport: 'tcp',
      daemon: world.gateway.url,
      requireSkillToken: true,
      activeSkillTokens: 1,
      activeGrants: 1,
    })
  })

  test('throws with code and status for what is refused, and for a configuration that is not whole', async () => {
    const denied = world.client.fetch('github', 'main', 'github:write', world.url('/ok'), {
      method: 'POST',
      body: {},
    })
    await assert.rejects(denied, (error) => {
      assert.ok(error instanceof ClauthError)
      assert.deepEqual([error.code, error.statusCode], ['ACCESS_DENIED', 403])
      assert.equal(error.message, "No active grant for skill 'My Skill' provider 'github' scope 'github:write'.")
      return true
    })
    assert.throws(() => new ClauthClient({ skillId: 'x' }), { code: 'CONFIG_ERROR', statusCode: 0 })
    const challenge = world.client.createIdentityChallenge('github', 'octocat')
    await assert.rejects(challenge, { code: 'VALIDATION_ERROR', statusCode: 422 })
  })
})

describe('what is no route', () => {
  test('is 404 whatever its method, in the words of the door, and so is a route by another method', async () => {
    const asked = ['GET /clauth/v1/proxy', 'PUT /clauth/v1/proxy', 'GET /clauth/v1', 'OPTIONS /clauth/v1/status']
    for (const line of [...asked, 'POST /clauth/v1/status', 'GET /clauth/v1/status/', 'GET /clauth/v2/status']) {
      const [method = '', path = ''] = line.split(' ')
      assert.deepEqual(refusal(await world.ask(method, path)), [404, 'NOT_FOUND', 'Route not found'], line)
    }
    assert.equal((await world.ask('HEAD', '/clauth/v1/status')).status, 404)
  })
})
