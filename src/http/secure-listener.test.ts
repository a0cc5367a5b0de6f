import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as tcpConnect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Authority, type Issued, noOpenssl } from '../../test/instruments/certificates.ts'
import { closed } from '../../test/instruments/wait.ts'
import { addressSet } from '../ground/addresses.ts'
import { clientAddresses } from './client-address.ts'
import { type Listener, type ListenerOptions, listenTcp } from './listen.ts'
import type { SecureOptions, TlsSource } from './secure-server.ts'
import { tlsMaterial } from './tls-material.ts'

const skip = noOpenssl()
const HSTS = 'strict-transport-security: max-age=31536000\r\n'

/** A source whose files the test changes by hand. */
class Source implements TlsSource {
  readonly #followers = new Set<() => void>()
  #material
  #staple: Buffer | undefined

  constructor(issued: Issued) {
    this.#material = tlsMaterial(readFileSync(issued.cert), readFileSync(issued.key))
  }

  context() {
    return this.#material.context
  }

  staple() {
    return this.#staple
  }

  follow(listener: () => void) {
    this.#followers.add(listener)
    return () => this.#followers.delete(listener)
  }

  change(issued: Issued, staple?: Buffer): void {
    this.#material = tlsMaterial(readFileSync(issued.cert), readFileSync(issued.key))
    this.#staple = staple
    for (const follower of this.#followers) follower()
  }
}

describe('listenTcp() with TLS', { skip }, () => {
  let authority: Authority
  let issued: Issued
  before(() => {
    authority = new Authority()
    issued = authority.issue()
  })
  after(() => authority?.[Symbol.dispose]())

  const open: { listener: Listener; close(): Promise<void> }[] = []
  after(async () => void (await Promise.all(open.map(({ close }) => close()))))

  async function listening(more: { handle?: ListenerOptions['handle']; tls?: Partial<SecureOptions> } = {}) {
    const source = new Source(issued)
    const told = (request: IncomingMessage, response: ServerResponse) => {
      const client = clientOf(request)
      request.resume().once('end', () => response.end(JSON.stringify(client)))
      if (request.readableEnded) response.end(JSON.stringify(client))
    }
    const hosts = () => new Set(['gate.test'])
    const { handle = told, tls } = more
    const options = { nextRid: () => 'rid', hosts, handle, tls: { source, ...tls } }
    const listener = await listenTcp(options, '127.0.0.1', 0)
    open.push({ listener, close: () => listener.close(0) })
    return { listener, source }
  }
  const clientOf = clientAddresses(addressSet([]))

  async function dial(listener: Listener, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port: listener.port, ca: authority.pem, ...options })
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket.setEncoding('latin1')
  }

  /** Sends bytes, and gives what came until the other side closes. */
  async function exchange(socket: TLSSocket, bytes: string): Promise<string> {
    let text = ''
    socket.on('data', (chunk: string) => (text += chunk))
    socket.write(bytes)
    await closed(socket)
    return text
  }

  /** What becomes of a handshake that must not succeed: the alert's code, or `open`. */
  async function refused(listener: Listener, options: ConnectionOptions): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port: listener.port, ca: authority.pem, ...options })
    return new Promise((resolve) => {
      socket.once('secureConnect', () => resolve('open'))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    })
  }

  test('speaks TLS 1.3 and HTTP/1.1, and knows that the client came so', async () => {
    const { listener } = await listening()
    const socket = await dial(listener, { ALPNProtocols: ['h2', 'http/1.1'] })
    assert.deepEqual([socket.getProtocol(), socket.alpnProtocol, socket.authorized], ['TLSv1.3', 'http/1.1', true])
    const answer = await exchange(socket, 'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n')
    assert.match(answer, /"address":"127\.0\.0\.1","secure":true,"loopback":true/)
  })

  const answers: readonly (readonly [name: string, status: number, bytes: string])[] = [
    ['a good request', 200, 'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n'],
    ['a body', 200, 'POST / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi'],
    ['a foreign Host', 421, 'GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n'],
    [
      'a body that it does not read',
      421,
      `POST / HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`,
    ],
    ['an absolute target', 400, 'GET http://gate.test/ HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n'],
    [
      'an upgrade',
      501,
      'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['CONNECT', 403, 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n'],
    ['no HTTP at all', 400, 'HELLO\r\n\r\n'],
    [
      'a length and chunks',
      400,
      'POST / HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a bare line feed', 400, 'GET / HTTP/1.1\nHost: gate.test\n\n'],
    ['too large a head', 431, `GET / HTTP/1.1\r\nHost: gate.test\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`],
  ]
  for (const [name, status, bytes] of answers) {
    test(`answers ${name} with ${status} and Strict-Transport-Security`, async () => {
      const { listener } = await listening()
      const answer = await exchange(await dial(listener), bytes)
      assert.equal(answer.slice(0, 12), `HTTP/1.1 ${status}`)
      assert.equal(answer.toLowerCase().split(HSTS).length, 2, answer)
    })
  }

  test('keeps a header that the answer itself doubles', async () => {
    const { listener } = await listening({
      handle: (_request, response) => response.writeHead(200, ['link', 'a', 'link', 'b', 'content-length', '0']).end(),
    })
    const answer = await exchange(
      await dial(listener),
      'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n',
    )
    assert.match(answer, /link: a\r\nlink: b\r\n/)
    assert.ok(answer.toLowerCase().includes(HSTS))
  })

  const handshakes: readonly (readonly [name: string, options: ConnectionOptions, code: string])[] = [
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    [
      'TLS 1.0',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' },
      'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    ],
    ['a client that speaks HTTP/2 alone', { ALPNProtocols: ['h2'] }, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  ]
  for (const [name, options, code] of handshakes) {
    test(`refuses ${name}`, async () => assert.equal(await refused((await listening()).listener, options), code))
  }

  test('answers nothing to plain HTTP', async () => {
    const { listener } = await listening()
    const socket = tcpConnect(listener.port, '127.0.0.1').setEncoding('latin1')
    let text = ''
    socket.on('error', () => {}).on('data', (chunk: string) => (text += chunk))
    socket.write('GET / HTTP/1.1\r\nHost: gate.test\r\n\r\n')
    await closed(socket)
    assert.ok(!text.includes('HTTP/1.1'), text)
  })

  test('openssl s_client: TLS 1.2 is refused, the response is stapled', async () => {
    const { listener, source } = await listening()
    source.change(issued, readFileSync(authority.ocsp(issued)))
    const client = (...more: string[]) =>
      new Promise<string>((resolve) => {
        const args = ['s_client', '-connect', `127.0.0.1:${listener.port}`, '-CAfile', authority.cert, ...more]
        execFile('openssl', args, (_error, stdout, stderr) => resolve(stdout + stderr)).stdin?.end()
      })
    const stapled = await client('-status', '-servername', 'gate.test', '-verify_return_error')
    assert.match(stapled, /OCSP Response Status: successful/)
    assert.match(stapled, /Cert Status: good/)
    assert.match(stapled, /New, TLSv1\.3/)
    assert.match(await client('-tls1_2'), /alert protocol version/)
    source.change(issued)
    assert.match(await client('-status'), /OCSP response: no response sent/)
  })

  test('outlives what breaks after the handshake', async () => {
    const { listener } = await listening()
    for (const bytes of [
      '\x17\x03\x03\x00\x20'.padEnd(37, 'x'),
      '\x16\x03\x01\x00\x05hello',
      'GET / HTTP/1.1\r\n\r\n',
      '',
    ]) {
      const raw = tcpConnect(listener.port, '127.0.0.1').on('error', () => {})
      const socket = connect({ socket: raw, ca: authority.pem, servername: 'gate.test' }).on('error', () => {})
      await once(socket, 'secureConnect')
      socket.write('GET / HTTP/1.1\r\nHost: gate')
      if (bytes === '') raw.resetAndDestroy()
      else raw.write(bytes, 'latin1')
      await closed(raw)
    }
    const answer = await exchange(
      await dial(listener),
      'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1\.1 200/)
  })

  test('shows a new certificate to new connections, and lets the open ones go on', async () => {
    let release = () => {}
    const { listener, source } = await listening({
      handle: (_request, response) => {
        response.write('before;')
        release = () => response.end('after')
      },
    })
    const running = await dial(listener)
    const old = running.getPeerCertificate().fingerprint256
    const whole = exchange(running, 'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n')
    await once(running, 'data')
    const next = authority.issue()
    source.change(next)
    const fresh = await dial(listener)
    assert.notEqual(fresh.getPeerCertificate().fingerprint256, old)
    assert.equal(fresh.getPeerCertificate().serialNumber, next.serial)
    fresh.destroy()
    assert.equal(await refused(listener, { maxVersion: 'TLSv1.2' }), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    release()
    assert.match(await whole, /before;[\s\S]*after/)
  })

  test('does not resume a session of the certificate before', async () => {
    const { listener, source } = await listening()
    const first = await dial(listener)
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    const again = await dial(listener, { session })
    assert.equal(again.isSessionReused(), true)
    again.destroy()
    source.change(authority.issue())
    const later = await dial(listener, { session })
    assert.equal(later.isSessionReused(), false)
    later.destroy()
  })

  test('cuts who does not come to the end of the handshake, idle or byte by byte', async () => {
    const { listener } = await listening({ tls: { handshakeTimeoutMs: 100 } })
    const [idle, slow] = [tcpConnect(listener.port, '127.0.0.1'), tcpConnect(listener.port, '127.0.0.1')]
    for (const socket of [idle, slow]) socket.on('error', () => {})
    const hello = Buffer.from(`16030100c8010000c40303${'00'.repeat(150)}`, 'hex')
    let at = 0
    const drip = setInterval(() => slow.writable && slow.write(hello.subarray(at % 150, (at++ % 150) + 1)), 20)
    await Promise.all([closed(idle), closed(slow)]).finally(() => clearInterval(drip))
  })

  test('ends the oldest of too many handshakes, and serves who finishes one', async () => {
    const { listener } = await listening({ tls: { maxHandshakes: 4 } })
    const waiting = []
    for (let count = 0; count < 4; count++) {
      const socket = tcpConnect(listener.port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      waiting.push(socket)
    }
    const gone = Promise.all(waiting.slice(0, 2).map((socket) => closed(socket)))
    for (let count = 0; count < 2; count++) {
      const socket = await dial(listener)
      assert.match(
        await exchange(socket, 'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n'),
        /"secure":true/,
      )
      const another = tcpConnect(listener.port, '127.0.0.1').on('error', () => {})
      await once(another, 'connect')
      waiting.push(another)
    }
    await gone
    for (const socket of waiting) socket.destroy()
  })

  test('closes although a handshake is under way', async () => {
    const { listener } = await listening()
    const idle = tcpConnect(listener.port, '127.0.0.1').on('error', () => {})
    await once(idle, 'connect')
    await (await dial(listener)).destroy()
    await Promise.all([closed(idle), listener.close(60_000)])
  })

  test('says nothing of transport security in plain', async () => {
    const listener = await listenTcp(
      { nextRid: () => 'rid', hosts: () => new Set(['gate.test']), handle: (_request, response) => response.end('x') },
      '127.0.0.1',
      0,
    )
    for (const bytes of answers.map(([, , text]) => text)) {
      const socket = tcpConnect(listener.port, '127.0.0.1').setEncoding('latin1')
      let text = ''
      socket.on('data', (chunk: string) => (text += chunk)).write(bytes)
      await closed(socket)
      assert.ok(text.startsWith('HTTP/1.1') && !text.toLowerCase().includes('strict-transport'), text)
    }
    await listener.close(0)
  })
})
