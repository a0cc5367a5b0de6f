// The holes of the Clauth original that are about what stands behind its door: the log, the names of hosts, the keys.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ClauthWorld, refusal } from './instruments/clauth-world.ts'

describe('a log that cannot be written', () => {
  const preload = join(import.meta.dirname, 'instruments', 'fail-syncs.mjs')

  test('lets no call out: its intent is on the disk before, or nothing is sent (CL-16)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clauth-fault-'))
    const fault = join(folder, 'fault')
    try {
      await using world = await ClauthWorld.start({
        env: { NODE_OPTIONS: `--import=${preload}`, FAULT_FILE: fault },
      })
      await world.grant({ scope: 'github:*' })
      const post = () => world.proxy({ scope: 'github:write', method: 'POST', body: { charge: 1 } })
      assert.equal((await post()).status, 200)
      assert.equal(world.upstream.receipts.length, 1)
      writeFileSync(fault, 'full')
      for (let n = 0; n < 3; n += 1) {
        const reply = await post()
        assert.deepEqual(refusal(reply), [500, 'INTERNAL_ERROR', 'Internal error'])
        const { error } = reply.json() as { error: object }
        assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'requestId'])
      }
      assert.equal(world.upstream.receipts.length, 1)
      // A disk of which nobody knows what it kept: the gateway ends rather than go on in doubt.
      writeFileSync(fault, 'sync')
      assert.notEqual((await post().catch(() => undefined))?.status, 200)
      assert.equal(world.upstream.receipts.length, 1)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the name of a host', () => {
  /** A call to a provider that is named, not numbered; `addresses` is what its service may be at. */
  async function named(world: ClauthWorld, addresses: readonly string[]) {
    const origins = [world.upstream.origin.replace('127.0.0.1', 'localhost')]
    const service = { name: 'named', origins, injection: { kind: 'bearer' }, addresses, unsafePlainHttp: true }
    await world.gateway.does('POST', '/services', service)
    await world.gateway.does('POST', '/credentials', { handle: 'by-name', service: 'named', secret: 'sk-by-name-0123' })
    await world.grant({ provider: 'named', scope: 'named:read' })
    const asked = { provider: 'named', credentialHandle: 'by-name', scope: 'named:read' }
    return world.proxy({ ...asked, endpoint: `${origins[0]}/ok` })
  }

  test('is not what is judged, but the address that it has: inside ones get nothing (CL-17)', async () => {
    await using world = await ClauthWorld.start()
    const wanted = "Endpoint host 'localhost' is not allowed for provider 'named'. Allowed: localhost"
    assert.deepEqual(refusal(await named(world, ['10.0.0.0/8'])), [422, 'VALIDATION_ERROR', wanted])
    assert.equal(world.upstream.connections.length, 0)
  })

  test('may have an address that the operator named', async () => {
    await using world = await ClauthWorld.start()
    assert.equal((await named(world, ['127.0.0.0/8'])).status, 200)
    assert.deepEqual(world.upstream.receipts.at(-1)?.headers.get('authorization'), ['Bearer sk-by-name-0123'])
  })
})

describe('the keys behind the door', () => {
  test('are one for each purpose, and each can be changed without the others (CL-22)', async () => {
    await using world = await ClauthWorld.start()
    const session = async () => {
      const reply = await world.admin('POST', '/admin/session-token/issue', { skillId: world.skillId })
      return (reply.json() as { token: string }).token
    }
    let token = await session()
    const statuses = async () => [
      (await world.proxy()).status,
      (await world.proxy({}, { authorization: `Bearer ${token}` })).status,
    ]
    const sent = () => world.upstream.receipts.at(-1)?.headers.get('authorization')
    assert.deepEqual(await statuses(), [200, 200])
    // What seals credentials.
    await world.gateway.does('POST', '/kek/rotate')
    for (const start of ['running', 'restarted']) {
      assert.deepEqual([...(await statuses()), sent()], [200, 200, [`Bearer ${world.secret}`]], start)
      await world.gateway.restart()
    }
    // What signs sessions: they end, and nothing else does.
    await world.gateway.does('POST', '/signing-keys/rotate', { emergency: true })
    assert.deepEqual([...(await statuses()), sent()], [200, 401, [`Bearer ${world.secret}`]])
    token = await session()
    assert.deepEqual(await statuses(), [200, 200])
  })
})
