import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createServer as tlsServer } from 'node:tls'
import { createConnector } from './connect.ts'

const folder = mkdtempSync(join(tmpdir(), 'tls-'))
after(() => rmSync(folder, { recursive: true }))

function certificate(): { key: string; cert: string } | undefined {
  const file = (name: string) => join(folder, name)
  const names = 'subjectAltName=DNS:api.example.com,IP:127.0.0.1'
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=t',
        '-addext',
        names,
        '-keyout',
        file('key'),
        '-out',
        file('cert'),
      ],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') }
  } catch {
    return undefined
  }
}

const pair = certificate()

describe('createConnector()', { skip: pair === undefined ? 'openssl is not installed' : false }, () => {
  async function dial(host: string, trusted: boolean, timeoutMs = 2_000) {
    const seen: string[] = []
    const SNICallback = (name: string, done: (error: null) => void) => {
      seen.push(name)
      done(null)
    }
    const server = createServer({ ...pair, SNICallback }, (_, response) => response.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const dialled: string[] = []
    const marks: number[] = []
    const connect = createConnector({
      address: '127.0.0.1',
      host,
      port,
      secure: true,
      timeoutMs,
      ca: trusted ? [pair!.cert] : undefined,
      onDial: (address) => dialled.push(address),
    })
    const [error, alpn] = await new Promise<[NodeJS.ErrnoException | null, unknown]>((resolve) => {
      connect({ hostname: 'x', protocol: 'https:', port: '1' }, (failure, socket) => {
        resolve([failure, socket !== null && 'alpnProtocol' in socket ? socket.alpnProtocol : undefined])
        if (socket !== null) marks.push(socket.readableHighWaterMark, socket.writableHighWaterMark)
        socket?.destroy()
      })
    })
    server.closeAllConnections()
    server.close()
    assert.deepEqual(dialled, ['127.0.0.1'])
    return { error, alpn, seen, marks }
  }

  test('dials the address and asks for the host by name', async () => {
    const { error, seen, alpn } = await dial('api.example.com', true)
    assert.equal(error, null)
    assert.deepEqual(seen, ['api.example.com'])
    assert.equal(alpn, 'http/1.1')
  })

  test('reads nothing ahead of who wants it, and lets writes go out together', async () => {
    const [ahead, together] = (await dial('api.example.com', true)).marks
    assert.equal(ahead, 0)
    assert.ok(together! >= 16 * 1024)
  })

  test('compares an address with the addresses on the certificate', async () => {
    const { error, seen } = await dial('127.0.0.1', true)
    assert.equal(error, null)
    assert.deepEqual(seen, [], 'RFC 6066: no address in SNI')
  })

  test('refuses a certificate for another name, and one that nobody vouches for', async () => {
    assert.equal((await dial('evil.example.com', true)).error?.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    assert.equal((await dial('api.example.com', false)).error?.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  test('gives what the peer said before it closed on bytes that it had not read', async () => {
    const server = tlsServer({ ...pair }, (socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.pause().write('an answer', () => socket.destroy()))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    let resets = 0
    const onReset = () => (resets += 1)
    const options = { address: '127.0.0.1', host: 'api.example.com', port, secure: true, timeoutMs: 2_000, onReset }
    const connect = createConnector({ ...options, ca: [pair!.cert] })
    const said = await new Promise<string>((resolve) => {
      connect({ hostname: 'x', protocol: 'https:', port: '1' }, (_, socket) => {
        let text = ''
        socket!.on('error', () => {}).on('data', (bytes) => (text += bytes))
        socket!.on('close', () => resolve(text))
        // One write a turn and no look at what came: the one that fails does so before the answer is read.
        const more = () => {
          if (socket!.destroyed) return
          socket!.write(Buffer.alloc(1 << 18))
          setImmediate(more)
        }
        more()
      })
    })
    server.close()
    assert.equal(said, 'an answer')
    assert.ok(resets > 0)
  })
})
