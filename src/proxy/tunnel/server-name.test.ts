import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { connect } from 'node:tls'
import { serverName } from './server-name.ts'

/** What node:tls says first. */
async function hello(options: {
  servername?: string
  minVersion?: 'TLSv1.2'
  maxVersion?: 'TLSv1.2'
}): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const came = once(server, 'connection') as Promise<[Socket]>
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...options })
  client.on('error', () => {})
  const [socket] = await came
  const chunks: Buffer[] = []
  while (serverName(Buffer.concat(chunks)) === 'more') chunks.push(((await once(socket, 'data')) as [Buffer])[0])
  client.destroy()
  socket.destroy()
  server.close()
  return Buffer.concat(chunks)
}

describe('serverName()', () => {
  test('reads the name that a client says, and that it says none', async () => {
    assert.deepEqual(serverName(await hello({ servername: 'API.example.com' })), { name: 'api.example.com' })
    const older = { servername: 'a.example', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    assert.deepEqual(serverName(await hello(older)), { name: 'a.example' })
    assert.equal(serverName(await hello({})), 'none')
  })

  test('waits for what is not there, in one record or many', async () => {
    const whole = await hello({ servername: 'a.example' })
    for (let end = 0; end < whole.length; end += 1) assert.equal(serverName(whole.subarray(0, end)), 'more')
    const message = whole.subarray(5)
    const records: Buffer[] = []
    for (let at = 0; at < message.length; at += 7) {
      const piece = message.subarray(at, at + 7)
      records.push(Buffer.from([22, 3, 1, 0, piece.length]), piece)
    }
    assert.deepEqual(serverName(Buffer.concat(records)), { name: 'a.example' })
  })

  test('believes nothing that is no such message, and never throws', async () => {
    const whole = await hello({ servername: 'a.example' })
    for (const text of ['GET / HTTP/1.1\r\n\r\n', 'SSH-2.0-x\r\n', '\x80\x2e\x01\x00\x02', '\x16\x02\x00'])
      assert.equal(serverName(Buffer.from(text, 'latin1')), 'not_tls', text)
    assert.equal(serverName(Buffer.concat([whole.subarray(0, 5), Buffer.from([2]), whole.subarray(6)])), 'not_tls')
    const told = new Set<string>()
    for (let at = 0; at < whole.length; at += 1)
      for (const bit of [1, 128]) {
        const changed = Buffer.from(whole)
        changed[at] = (changed[at] as number) ^ bit
        const said = serverName(changed)
        told.add(typeof said === 'string' ? said : 'name')
      }
    assert.deepEqual([...told].sort(), ['more', 'name', 'none', 'not_tls'])
    const endless = Buffer.concat(Array.from({ length: 40_000 }, () => Buffer.from([22, 3, 1, 0, 0])))
    assert.equal(serverName(endless), 'not_tls')
  })
})
