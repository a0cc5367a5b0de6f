import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { ACCESS_TOKEN, OAuthAgent, plain } from './instruments/oauth-agent.ts'
import { claimsOf } from './instruments/proofs.ts'
import { type World, world } from './instruments/world.ts'

const refused =
  (error: string, status = 400) =>
  (thrown: unknown) => {
    assert.ok(thrown instanceof oauth.ResponseBodyError, String(thrown))
    assert.deepEqual([thrown.error, thrown.status], [error, status], thrown.error_description)
    return true
  }

describe('an OAuth client of others', () => {
  let around: World
  let agent: OAuthAgent
  let other: OAuthAgent
  let shop: { id: string; key: oauth.ClientAuth }
  let bank: typeof shop

  before(async () => {
    around = await world()
    const { gateway } = around
    agent = await OAuthAgent.add(gateway, 'coder')
    other = await OAuthAgent.add(gateway, 'helper')
    await gateway.does('POST', '/grants', { agent: 'coder', service: 'u', scopes: ['u:*'] })
    const relying = async (name: string) => {
      const { id } = await gateway.does<{ id: string }>('POST', '/relying', { name })
      const { key } = await gateway.does<{ key: string }>('POST', `/relying/${name}/keys`, {})
      const auth: oauth.ClientAuth = (_as, _client, _body, headers) => headers.set('authorization', `Bearer ${key}`)
      return { id, key: auth }
    }
    shop = await relying('shop')
    bank = await relying('bank')
  })
  after(() => around[Symbol.asyncDispose]())

  const asBearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
  const call = async (token: string) => (await around.call('/n', { token })).status

  test('discovers what there is', async () => {
    const { url } = around.gateway
    const { server } = agent
    assert.equal(server.issuer, url)
    assert.deepEqual(server.token_endpoint_auth_methods_supported, ['private_key_jwt'])
    const reply = await oauth.resourceDiscoveryRequest(new URL(url), plain)
    const resource = await oauth.processResourceDiscoveryResponse(new URL(url), reply)
    assert.deepEqual([resource.resource, resource.authorization_servers], [url, [url]])
    const none = await fetch(`${url}/.well-known/openid-configuration`)
    assert.equal(none.status, 404)
  })

  test('gets a token by private_key_jwt, calls with it, and others verify it by the key set', async () => {
    const { access_token, token_type, expires_in, scope, refresh_token } = await agent.clientCredentials({
      scope: 'u:read',
    })
    assert.deepEqual([token_type, expires_in, scope, refresh_token], ['bearer', 300, 'u:read', undefined])
    assert.equal(await call(access_token), 200)
    assert.equal((await around.call('/n', { token: access_token, method: 'POST' })).status, 403)
    const { url } = around.gateway
    const request = new Request(url, { headers: { authorization: `Bearer ${access_token}` } })
    const claims = await oauth.validateJwtAccessToken(agent.server, request, url, plain)
    assert.deepEqual([claims.sub, claims.client_id, claims.scope], [agent.id, agent.id, 'u:read'])
  })

  test('is asked for a nonce where its clock is off, and its bound token is worth nothing to others (F-09)', async () => {
    const dpop = await agent.dpop(300)
    const { access_token, token_type } = await agent.clientCredentials({}, dpop)
    assert.equal(token_type, 'dpop')
    assert.equal(claimsOf(access_token).cnf.jkt, await dpop.calculateThumbprint())
    const url = new URL(`${around.gateway.url}/to/u/n`)
    const ask = (more: object) =>
      oauth.protectedResourceRequest(access_token, 'GET', url, undefined, null, { ...plain, ...more })
    assert.equal((await ask({ DPoP: dpop })).status, 200)
    assert.equal(await call(access_token), 401)
    await assert.rejects(
      ask({ DPoP: await agent.dpop() }),
      (thrown) => thrown instanceof oauth.WWWAuthenticateChallengeError,
    )
  })

  test('refreshes, once with each token; a used one ends everything (RFC 6749 §6)', async () => {
    const { refreshToken, accessToken } = await agent.keyAgent.signIn()
    const next = await agent.refresh(refreshToken!, { scope: 'u:read' })
    assert.deepEqual([claimsOf(next.access_token).scope, next.scope], ['u:read', 'u:read'])
    await assert.rejects(other.refresh(next.refresh_token!), refused('invalid_grant'))
    const last = await agent.refresh(next.refresh_token!)
    assert.equal(await call(last.access_token), 200)
    await assert.rejects(agent.refresh(refreshToken!), refused('invalid_grant'))
    for (const token of [accessToken, next.access_token, last.access_token]) assert.equal(await call(token), 401)
    await assert.rejects(agent.refresh(last.refresh_token!), refused('invalid_grant'))
  })

  describe('exchanges a token (RFC 8693)', () => {
    let parent: string
    before(async () => {
      parent = (await agent.clientCredentials({ scope: 'u:* v:read' })).access_token
    })

    test('for one that may do less, and ends with its parent (F-06)', async () => {
      const root = (await agent.clientCredentials({ scope: 'u:*' })).access_token
      const child = await agent.exchange(root, { scope: 'u:read' })
      assert.deepEqual([child.token_type, child.scope, child.issued_token_type], ['bearer', 'u:read', ACCESS_TOKEN])
      const grandchild = await agent.exchange(child.access_token)
      assert.equal(grandchild.scope, 'u:read')
      assert.ok(claimsOf(grandchild.access_token).exp <= claimsOf(root).exp)
      assert.deepEqual(await Promise.all([child, grandchild].map((one) => call(one.access_token))), [200, 200])
      await agent.revoke(root)
      assert.deepEqual(
        await Promise.all([root, child.access_token, grandchild.access_token].map(call)),
        [401, 401, 401],
      )
    })

    test('for another who acts in its name, three deep and no deeper', async () => {
      const agents = await Promise.all(['a', 'b', 'c'].map((name) => OAuthAgent.add(around.gateway, `actor-${name}`)))
      let token = parent
      for (const actor of agents) token = (await actor.exchange(token)).access_token
      const [a, b, c] = agents.map(({ id }) => id)
      const { sub, client_id, act } = claimsOf(token)
      assert.deepEqual(
        { sub, client_id, act },
        { sub: agent.id, client_id: agent.id, act: { sub: c, act: { sub: b, act: { sub: a } } } },
      )
      assert.equal(await call(token), 200)
      await assert.rejects(other.exchange(token), refused('invalid_request'))
      await around.gateway.does('POST', '/agents/actor-b/lock')
      assert.equal(await call(token), 401)
    })

    test('for a service, which alone learns what it says', async () => {
      // What the service never gave is left out, whoever asks for it.
      const { access_token, scope } = await agent.exchange(parent, { audience: 'shop', scope: 'v:read' })
      assert.equal(scope, undefined)
      assert.equal(claimsOf(access_token).aud, shop.id)
      assert.equal(await call(access_token), 401)
      const seen = await agent.introspect(access_token, shop.key)
      assert.deepEqual([seen.active, seen.sub, seen.aud, seen.scope], [true, agent.id, shop.id, undefined])
      assert.deepEqual(await agent.introspect(access_token, bank.key), { active: false })
      await assert.rejects(agent.exchange(access_token, { audience: around.gateway.url }), refused('invalid_target'))
      await assert.rejects(agent.exchange(access_token, { audience: 'bank' }), refused('invalid_target'))
      // Who was handed a token does not become its agent at services: roles would speak for somebody else.
      await assert.rejects(other.exchange(parent, { audience: 'shop' }), refused('invalid_target'))
    })

    test('for a service, and the gateway says so to whoever has it, but to nobody who made one up', async () => {
      const { access_token } = await agent.exchange(parent, { audience: 'shop' })
      const at = access_token.lastIndexOf('.') + 1
      const [first, ...signature] = access_token.slice(at)
      const forged = `${access_token.slice(0, at)}${first === 'A' ? 'B' : 'A'}${signature.join('')}`
      const ways = [
        (token: string) => around.call('/n', { token }),
        (token: string) => around.gateway.agent('GET', '/claviger/v1/agents/self/keys', asBearer(token)),
        (token: string) => around.gateway.agent('GET', `/agents/${agent.id}/auth-log`, asBearer(token)),
      ]
      const said = []
      for (const ask of ways) {
        for (const token of [access_token, forged]) {
          const reply = await ask(token)
          const code = reply.code ?? (reply.json() as { error: { code: string } }).error.code
          said.push([reply.status, code, reply.headers['www-authenticate']])
        }
      }
      const native = [
        [401, 'wrong_audience', 'Bearer realm="claviger", error="invalid_token"'],
        [401, 'unauthenticated', 'Bearer realm="claviger"'],
      ]
      const byDoor = ['INVALID_TOKEN', 'UNAUTHORIZED'].map((code) => [401, code, undefined])
      assert.deepEqual(said, [...native, ...native, ...byDoor])
    })

    test('for a service, which learns by introspection what the token says of roles, permissions and trust', async () => {
      const { gateway } = around
      await gateway.does('PUT', '/relying/shop/roles/buyer', { permissions: ['orders.read', 'orders.create'] })
      await gateway.does('PUT', '/relying/shop/assignments', { agent: agent.id, role: 'buyer' })
      const { access_token } = await agent.exchange(parent, { audience: 'shop' })
      const { roles, permissions, trustScore } = await agent.introspect(access_token, shop.key)
      const said = { roles: ['buyer'], permissions: ['orders.create', 'orders.read'], trustScore: 5 }
      assert.deepEqual({ roles, permissions, trustScore }, said)
      const { roles: r, permissions: p, trustScore: t } = claimsOf(access_token)
      assert.deepEqual({ roles: r, permissions: p, trustScore: t }, said)
      const own = await agent.introspect(parent)
      assert.deepEqual(
        [own.active, own.roles, own.permissions, own.trustScore],
        [true, undefined, undefined, undefined],
      )
      await gateway.does('DELETE', '/relying/shop/roles/buyer')
    })

    test('for a number of calls', async () => {
      const { access_token } = await agent.exchange(parent, { max_uses: '2' })
      const statuses = await Promise.all(Array.from({ length: 5 }, () => call(access_token)))
      assert.equal(statuses.filter((status) => status === 200).length, 2)
      await assert.rejects(agent.exchange(access_token), refused('invalid_request'))
    })

    test('that is bound only by its own agent, and for one that is bound', async () => {
      const bound = (await agent.clientCredentials({}, await agent.dpop())).access_token
      await assert.rejects(agent.exchange(bound), refused('invalid_request'))
      await assert.rejects(other.exchange(bound, {}, await other.dpop()), refused('invalid_request'))
      const mine = await agent.dpop()
      const child = await agent.exchange(bound, {}, mine)
      assert.equal(claimsOf(child.access_token).cnf.jkt, await mine.calculateThumbprint())
    })

    test('for an actor whose token is bound, by that key alone', async () => {
      const dpop = await other.dpop()
      const actor_token = (await other.clientCredentials({}, dpop)).access_token
      const acting = { actor_token, actor_token_type: ACCESS_TOKEN }
      for (const client of [agent, other]) {
        await assert.rejects(client.exchange(parent, acting), refused('invalid_request'))
        await assert.rejects(client.exchange(parent, acting, await client.dpop()), refused('invalid_request'))
        const { access_token } = await client.exchange(parent, acting, dpop)
        const { sub, act, cnf } = claimsOf(access_token)
        assert.deepEqual([sub, act], [agent.id, { sub: other.id }])
        assert.equal(cnf.jkt, await dpop.calculateThumbprint())
      }
      // One request proves one key: two that are bound to different keys are not exchanged, but by the subject itself.
      const bound = (await agent.clientCredentials({}, await agent.dpop())).access_token
      await assert.rejects(other.exchange(bound, acting, dpop), refused('invalid_request'))
      assert.equal(claimsOf((await agent.exchange(bound, acting, dpop)).access_token).act.sub, other.id)
    })

    const wrong: readonly (readonly [string, Record<string, string>, string])[] = [
      ['a wider scope', { scope: 'w:read' }, 'invalid_scope'],
      ['a scope that is none', { scope: 'everything' }, 'invalid_scope'],
      ['an audience that is not there', { audience: 'nobody' }, 'invalid_target'],
      ['a resource that is not there', { resource: 'https://elsewhere.example/' }, 'invalid_target'],
      ['two audiences', { resource: 'bank', audience: 'shop' }, 'invalid_target'],
      ['a token of another type', { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
      [
        'another type of token',
        { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
        'invalid_request',
      ],
      ['no token of ours', { subject_token: 'eyJ.eyJ.x' }, 'invalid_request'],
      ['an actor without its type', { actor_token: 'x' }, 'invalid_request'],
      ['an actor that is nobody', { actor_token: 'x', actor_token_type: ACCESS_TOKEN }, 'invalid_request'],
      ['no uses', { max_uses: '0' }, 'invalid_request'],
      ['uses without end', { max_uses: '1e9' }, 'invalid_request'],
    ]
    for (const [what, parameters, error] of wrong) {
      test(`but not for ${what}`, async () => {
        await assert.rejects(agent.exchange(parent, parameters), refused(error))
      })
    }
  })

  test('introspects its own tokens and no other’s (RFC 7662)', async () => {
    const { access_token } = await agent.clientCredentials({ scope: 'u:read' })
    const seen = await agent.introspect(access_token)
    assert.deepEqual([seen.active, seen.scope, seen.client_id, seen.token_type], [true, 'u:read', agent.id, 'Bearer'])
    const { refreshToken } = await agent.keyAgent.signIn()
    assert.equal((await agent.introspect(refreshToken!)).active, true)
    for (const token of [access_token, refreshToken!])
      assert.deepEqual(await other.introspect(token), { active: false })
    for (const token of ['x', `${access_token}x`, `rf_${'0'.repeat(43)}`]) {
      assert.deepEqual(await agent.introspect(token), { active: false })
    }
    const nobody: oauth.ClientAuth = () => {}
    await assert.rejects(agent.introspect(access_token, nobody), refused('invalid_client', 401))
  })

  test('revokes what it holds, and is told nothing of what it does not (RFC 7009)', async () => {
    const { accessToken, refreshToken } = await agent.keyAgent.signIn()
    for (const token of ['x', `${accessToken}x`, `rf_${'0'.repeat(43)}`]) await agent.revoke(token)
    assert.equal(await call(accessToken), 200)
    await agent.revoke(refreshToken!)
    assert.equal(await call(accessToken), 401)
    assert.deepEqual(await agent.introspect(accessToken), { active: false })
    await assert.rejects(agent.refresh(refreshToken!), refused('invalid_grant'))
    const leaked = (await agent.clientCredentials()).access_token
    await agent.revoke(leaked, oauth.None())
    assert.equal(await call(leaked), 401)
  })

  test('changes its keys with a whole sign-in alone: whoever was handed a token does not become the agent', async () => {
    const { gateway } = around
    const whole = (await agent.clientCredentials()).access_token
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const { status, code } = await gateway.agent('DELETE', '/claviger/v1/agents/self/keys/key_x', { headers })
      return [status, code]
    }
    assert.deepEqual(await ask(whole), [404, 'key_unknown'])
    const parts = [
      (await agent.exchange(whole)).access_token,
      (await other.exchange(whole)).access_token,
      (await agent.clientCredentials({ scope: 'u:*' })).access_token,
      (await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'coder' })).token,
    ]
    for (const token of parts) assert.deepEqual(await ask(token), [403, 'key_sign_in_wanted'])
  })

  test('gets nothing for an agent that is locked, nor with a key that was revoked', async () => {
    const { gateway } = around
    const locked = await OAuthAgent.add(gateway, 'locked')
    const { access_token } = await locked.clientCredentials()
    await gateway.does('POST', '/agents/locked/lock')
    await assert.rejects(locked.clientCredentials(), refused('invalid_client', 401))
    assert.deepEqual(await agent.introspect(access_token, shop.key), { active: false })
    await gateway.does('POST', '/agents/locked/unlock')
    const { items } = await gateway.does<{ items: { id: string }[] }>('GET', '/agents/locked/keys')
    await gateway.does('DELETE', `/agents/locked/keys/${items[0]!.id}?evenLast=true`)
    await assert.rejects(locked.clientCredentials(), refused('invalid_client', 401))
  })
})
