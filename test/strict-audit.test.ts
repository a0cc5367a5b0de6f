// `auditMode: strict`: whoever has the whole answer can find its outcome on the disk.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { webSocketUpstream } from './instruments/web-socket-upstream.ts'
import { furnish, world } from './instruments/world.ts'

const calls = [
  ['GET', '/v1/items'],
  ['HEAD', '/v1/items'],
  ['GET', '/status/204'],
  ['GET', '/status/404'],
  ['GET', '/bytes/300000'],
  ['POST', '/v1/items'],
] as const

describe('a service with strict audit', () => {
  test('gives the last byte only after the outcome is on the disk', async () => {
    await using here = await world({ service: { auditMode: 'strict' } })
    const folder = join(here.gateway.home, 'audit', 'n1', 'seg')
    for (let round = 0; round < 5; round++) {
      for (const [method, path] of calls) {
        const { status, headers } = await here.call(path, { method, ...(method === 'POST' && { body: 'x' }) })
        const log = readdirSync(folder)
          .map((name) => readFileSync(join(folder, name), 'utf8'))
          .join('')
        const outcome = log
          .split('\n')
          .find((line) => line.includes('"outcome":') && line.includes(`"rid":"${headers['claviger-request-id']}"`))
        assert.ok(outcome, `${method} ${path}: no outcome on the disk`)
        assert.equal(JSON.parse(outcome).outcome.status, status)
      }
    }
  })

  test('says that a WebSocket is over only after the outcome is on the disk', async () => {
    const messages = await webSocketUpstream()
    await using here = await world()
    const origins = [`http://127.0.0.1:${messages.port}`]
    const service = { auditMode: 'strict' }
    const { token } = await furnish(here.gateway, { name: 'w', origins, secret: 'secret-of-w', service })
    const folder = join(here.gateway.home, 'audit', 'n1', 'seg')
    for (let round = 1; round <= 5; round++) {
      const headers = { authorization: `Bearer ${token}` }
      const socket = new WebSocket(`ws://127.0.0.1:${here.gateway.port}/to/w/live`, { headers })
      await once(socket, 'open')
      socket.send('one')
      await once(socket, 'message')
      socket.close(1000)
      assert.equal((await once(socket, 'close'))[0], 1000)
      const log = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
      assert.equal(log.join('').split('"framesIn":2').length - 1, round)
    }
    await messages.close()
  })
})
