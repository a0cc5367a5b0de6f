/** A secret is stored that no request can carry: found when it is given, not when the first agent needs it (B-03). */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { loopback, type World, world } from '../instruments/world.ts'

const injections = {
  bearer: { kind: 'bearer' },
  header: { kind: 'header', name: 'x-key' },
  template: { kind: 'template', name: 'authorization', template: 'Bot {secret}' },
  basic: { kind: 'basic' },
  named: { kind: 'basic', username: 'me' },
  query: { kind: 'query', name: 'key' },
} as const

const unsendable = ['line-one\nline-two', 'a-secret\r\nX: y', 'a-secret\0', 'café-café-café', ' a-secret', 'a-secret\t']
const sendable = 'a~s3cret!:with "spaces"\tand tab'

describe('a secret that cannot be sent', () => {
  let around: World
  before(async () => {
    around = await world()
    const { gateway, upstream } = around
    for (const [name, injection] of Object.entries(injections)) {
      await gateway.does('POST', '/services', { name, origins: [upstream.origin], addresses: loopback, injection })
    }
  })
  after(() => around[Symbol.asyncDispose]())

  for (const name of Object.keys(injections)) {
    test(`is refused for ${name} when it is stored and when it is rotated`, async () => {
      const { gateway } = around
      const handle = `${name}-key`
      const store = (secret: string) => gateway.operator('POST', '/credentials', { handle, service: name, secret })
      for (const secret of unsendable) {
        const reply = await store(secret)
        assert.deepEqual([reply.status, reply.code], [422, 'credential_not_header_safe'], JSON.stringify(secret))
      }
      assert.equal((await store('another-secret')).status, 201)
      for (const secret of unsendable) {
        const reply = await gateway.operator('POST', `/credentials/${handle}/rotate`, { secret })
        assert.deepEqual([reply.status, reply.code], [422, 'credential_not_header_safe'], JSON.stringify(secret))
      }
    })

    test(`is sent for ${name} whatever it is, once it was stored`, async () => {
      const { gateway, upstream } = around
      await gateway.does('POST', `/credentials/${name}-key/rotate`, { secret: sendable })
      await gateway.does('POST', '/grants', { agent: 'agent-of-u', service: name, scopes: [`${name}:*`] })
      const before = upstream.receipts.length
      const reply = await around.call('/n/1', { service: name })
      assert.equal(reply.status, 200, reply.text())
      assert.equal(upstream.receipts.length, before + 1)
    })
  }
})
