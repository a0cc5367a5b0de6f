import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { ClientHello } from './client-hello.ts'
import { extension, hello, helloWith, records, serverNames } from './hello.support.ts'

const serverName = (bytes: Buffer, second = false) => new ClientHello(second).take(bytes)

describe('ClientHello', () => {
  test('reads the name that a client says, and that it says none', async () => {
    assert.deepEqual(serverName(await hello({ servername: 'API.example.com' })), { name: 'api.example.com' })
    const older = { servername: 'a.example', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    assert.deepEqual(serverName(await hello(older)), { name: 'a.example' })
    assert.equal(serverName(await hello({})), 'none')
  })

  test('waits for what is not there, in one record or many, and keeps what follows', async () => {
    const whole = await hello({ servername: 'a.example' })
    for (const said of [whole, records(whole.subarray(5), 200)]) {
      for (let end = 0; end < said.length; end += 1) assert.equal(serverName(said.subarray(0, end)), 'more')
      const trickled = new ClientHello()
      for (const byte of said.subarray(0, -1)) assert.equal(trickled.take(Buffer.from([byte])), 'more')
      assert.deepEqual(trickled.take(Buffer.concat([said.subarray(-1), Buffer.from('rest')])), { name: 'a.example' })
      assert.deepEqual(trickled.said, { hello: said, rest: Buffer.from('rest') })
    }
  })

  test('moves each byte that trickles a few times at most', () => {
    const said = records(helloWith(serverNames('a.example'), extension(21, Buffer.alloc(16_000))).subarray(5), 1100)
    let moved = 0
    const { concat } = Buffer
    const { copy } = Buffer.prototype
    mock.method(Buffer, 'concat', (list: Buffer[]) => {
      const all = concat(list)
      moved += all.length
      return all
    })
    mock.method(Buffer.prototype, 'copy', function (this: Buffer, ...args: Parameters<Buffer['copy']>) {
      const n = copy.apply(this, args)
      moved += n
      return n
    })
    try {
      const trickled = new ClientHello()
      for (const byte of said.subarray(0, -1)) assert.equal(trickled.take(Buffer.from([byte])), 'more')
      assert.deepEqual(trickled.take(said.subarray(-1)), { name: 'a.example' })
    } finally {
      mock.restoreAll()
    }
    assert.ok(moved >= said.length && moved <= 4 * said.length, `${moved} of ${said.length}`)
  })

  test('refuses records of next to nothing, too many, and messages too long, as soon as they are seen', async () => {
    const message = (await hello({ servername: 'a.example' })).subarray(5)
    for (const size of [1, 3, 4, 63]) assert.equal(serverName(records(message, size).subarray(0, 5 + 4)), 'not_tls')
    const long = helloWith(extension(21, Buffer.alloc(2000))).subarray(5)
    assert.equal(serverName(records(long, Math.ceil(long.length / 16))), 'none')
    assert.equal(serverName(records(long, 64)), 'not_tls')
    assert.equal(serverName(Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 0])), 'not_tls')
    const followed = Buffer.concat([long, Buffer.from([1])])
    assert.equal(serverName(records(followed, followed.length)), 'not_tls')
  })

  test('believes no name where two could be read', () => {
    const one = serverNames('a.example')
    const other = extension(43, Buffer.from([2, 3, 4]))
    assert.deepEqual(serverName(helloWith(other, one)), { name: 'a.example' })
    assert.equal(serverName(helloWith(one, other, serverNames('b.example'))), 'not_tls')
    assert.equal(serverName(helloWith(one, one)), 'not_tls')
    assert.equal(serverName(helloWith(serverNames('a.example', 'b.example'))), 'not_tls')
  })

  test('lets a second hello stand behind one change of ciphers, and a first one behind none', async () => {
    const whole = await hello({ servername: 'a.example' })
    const change = Buffer.from([20, 3, 3, 0, 1, 1])
    const said = Buffer.concat([change, whole])
    assert.deepEqual(serverName(said, true), { name: 'a.example' })
    assert.deepEqual(serverName(whole, true), { name: 'a.example' })
    for (let end = 0; end < said.length; end += 1) assert.equal(serverName(said.subarray(0, end), true), 'more')
    assert.equal(serverName(said), 'not_tls')
    assert.equal(serverName(Buffer.concat([change, said]), true), 'not_tls')
    assert.equal(serverName(Buffer.from([20, 3, 3, 0, 2, 1]), true), 'not_tls')
    assert.equal(serverName(Buffer.from([23, 3, 3, 0, 2, 1]), true), 'not_tls')
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
