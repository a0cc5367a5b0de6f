// What a client may send into a tunnel that is no request: cut within a second, nothing at the service.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { type Http2Upstream, http2Upstream } from './instruments/http2-upstream.ts'
import { ask2, http2Tunnel, openTunnel, secureTunnel } from './instruments/tunnel-client.ts'
import { closed, until } from './instruments/wait.ts'
import { furnish, type World, world } from './instruments/world.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION] = [0, 1, 3, 4, 6, 9]

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A header field that is not indexed (RFC 7541 §6.2.2). */
function field(name: string, value: string): Buffer {
  const text = (one: string) => {
    if (one.length < 127) return Buffer.concat([Buffer.from([one.length]), Buffer.from(one)])
    const more: number[] = []
    let rest = one.length - 127
    for (; rest >= 128; rest >>= 7) more.push((rest & 127) | 128)
    return Buffer.concat([Buffer.from([127, ...more, rest]), Buffer.from(one)])
  }
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

describe('a tunnel', { skip: noOpenssl() }, () => {
  let authority: Authority
  let around: World
  let upstream: Http2Upstream
  let here = ''
  let token = ''

  before(async () => {
    authority = new Authority()
    upstream = await http2Upstream(authority.issue())
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    here = `localhost:${upstream.port}`
    const service = { trust: authority.pem }
    const secret = 'sk-of-the-service-0123456789'
    token = (await furnish(around.gateway, { name: 'inner', origins: [`https://${here}`], secret, service })).token
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
  })
  /** Nothing of any of this reached the service. */
  afterEach(() => assert.equal(upstream.received.splice(0).length, 0))

  const at = (more: { name?: string; protocols?: readonly string[] } = {}) => ({
    ...{ port: around.gateway.port, token, to: here },
    ...more,
  })
  const head = (...more: Buffer[]) =>
    Buffer.concat([
      ...[field(':method', 'GET'), field(':scheme', 'https'), field(':authority', here), field(':path', '/')],
      ...more,
    ])

  /** Whether the connection is over within a second of what was sent; a slow machine is given ten. */
  async function cut(socket: Socket, send: () => void): Promise<void> {
    const over = closed(socket.resume())
    send()
    await over
  }

  describe('that is spoken to in something else than TLS', () => {
    for (const [what, bytes] of [
      ['HTTP in clear', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
      ['HTTP/2 in clear', PREFACE],
      ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
      ['a record of TLS that is too long', Buffer.from([22, 3, 1, 255, 255, 1, 0, 0, 4])],
      ['SSLv2', Buffer.from([0x80, 0x2e, 1, 0, 2])],
      ['nothing that anybody speaks', Buffer.alloc(4_096, 0xa5)],
    ] as const)
      test(`is cut: ${what}`, async () => {
        const socket = await openTunnel(at())
        await cut(socket, () => socket.write(bytes))
      })
  })

  test('is cut where the handshake names another, nobody, or a name that hides another', async () => {
    for (const name of ['other.test', '', 'localhost.', 'localhost.other.test', 'ech.test']) {
      const tls = (await secureTunnel(at({ name }))).resume()
      await until(() => tls.destroyed)
    }
  })

  test('is cut where a client offers no protocol that is spoken', async () => {
    const tls = (await secureTunnel(at({ protocols: ['h2c', 'spdy/3.1'] }))).resume()
    await until(() => tls.destroyed)
  })

  describe('in HTTP/1.1', () => {
    const asked = async (text: string): Promise<string> => {
      const tls = await secureTunnel(at({ protocols: ['http/1.1'] }))
      const chunks: Buffer[] = []
      tls.on('data', (chunk: Buffer) => chunks.push(chunk))
      const over = closed(tls)
      tls.write(text)
      await over
      return Buffer.concat(chunks).toString()
    }
    const refusals: readonly (readonly [string, string, RegExp])[] = [
      ['no Host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 421 .*host_refused/s],
      ['two Hosts', 'GET / HTTP/1.1\r\nhost: HERE\r\nhost: HERE\r\nconnection: close\r\n\r\n', /header_conflict/],
      ['another Host', 'GET / HTTP/1.1\r\nhost: other.test\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 421 /],
      ['HTTP/2 after all', PREFACE, /^HTTP\/1\.1 400 .*http_malformed/s],
      ['no HTTP', 'HELO mail.test\r\n\r\n', /^HTTP\/1\.1 400 .*http_malformed/s],
      ['a head without end', `GET / HTTP/1.1\r\nhost: HERE\r\nx: ${'a'.repeat(20_000)}`, /^HTTP\/1\.1 431 /],
      [
        'an upgrade to HTTP/2',
        'GET / HTTP/1.1\r\nhost: other\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n',
        /^HTTP\/1\.1 4\d\d /,
      ],
    ]
    for (const [what, text, wanted] of refusals)
      test(`answers in its own name, and no more: ${what}`, async () => {
        const answer = await asked(text.replaceAll('HERE', here))
        assert.match(answer, wanted)
        assert.match(answer, /content-type: application\/problem\+json/i)
        assert.match(answer, /proxy-status: claviger;/i)
      })
  })

  describe('in HTTP/2', () => {
    const names: readonly (readonly [string, Record<string, string | string[]>, number, string])[] = [
      ['another :authority', { ':authority': 'other.test' }, 421, 'host_refused'],
      ['Host beside :authority', { host: 'other.test' }, 421, 'host_refused'],
      ['a scheme in clear', { ':scheme': 'http' }, 400, 'http_malformed'],
      ['a target for the server alone', { ':method': 'OPTIONS', ':path': '*' }, 400, 'target_form_refused'],
      ['the host with a dot', { ':authority': 'localhost.:1' }, 421, 'host_refused'],
      ['a method that answers with what it was sent', { ':method': 'TRACE' }, 405, 'method_refused'],
    ]
    test('refuses streams that name another, in its own name', async () => {
      const session = await http2Tunnel(at())
      for (const [what, headers, status, code] of names) {
        const answer = await ask2(session, { ':path': '/', ...headers })
        assert.equal(answer.status, status, what)
        assert.equal((JSON.parse(answer.body.toString()) as { code: string }).code, code, what)
        assert.equal(answer.headers['content-type'], 'application/problem+json')
        assert.match(String(answer.headers['proxy-status']), /^claviger; /)
      }
      session.destroy()
    })

    test('has no tunnels inside, and offers no other protocol', async () => {
      const session = await http2Tunnel(at())
      await until(
        () => session.remoteSettings !== undefined && session.remoteSettings.enableConnectProtocol !== undefined,
      )
      assert.equal(session.remoteSettings.enableConnectProtocol, false)
      const inside = await new Promise<number>((resolve) => {
        const stream = session.request({ ':method': 'CONNECT', ':authority': here })
        let status = 0
        stream.on('response', (headers) => (status = Number(headers[':status'])))
        stream.on('error', () => {}).on('close', () => resolve(status))
        stream.resume().end()
      })
      assert.equal(inside, 405)
      session.destroy()
    })

    /** The connection with its preface and empty settings sent. */
    async function raw(): Promise<TLSSocket> {
      const tls = await secureTunnel(at())
      tls.write(PREFACE)
      tls.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)))
      return tls
    }

    const floods: readonly (readonly [string, () => Buffer])[] = [
      ['no preface', () => frame(HEADERS, 5, 1, head())],
      ['a frame larger than was allowed', () => frame(DATA, 0, 1, Buffer.alloc(16_385))],
      ['a stream of the server', () => frame(HEADERS, 5, 2, head())],
      ['a head that does not decode', () => frame(HEADERS, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))],
      ['DATA on no stream', () => frame(DATA, 0, 0, Buffer.from('x'))],
      [
        'a head of continuations without end',
        () =>
          Buffer.concat([
            frame(HEADERS, 0, 1, head()),
            ...Array.from({ length: 2_000 }, (_, n) => frame(CONTINUATION, 0, 1, field(`x-${n}`, 'a'.repeat(900)))),
          ]),
      ],
      [
        'continuations of nothing',
        () => repeated(frame(CONTINUATION, 0, 1, Buffer.alloc(0)), 200, frame(HEADERS, 0, 1, head())),
      ],
      [
        'a DATA frame within a head',
        () => Buffer.concat([frame(HEADERS, 0, 1, head()), frame(DATA, 0, 1, Buffer.alloc(1))]),
      ],
      ['settings without end', () => repeated(frame(SETTINGS, 0, 0, Buffer.alloc(6)), 20_000)],
      ['pings without end', () => repeated(frame(PING, 0, 0, Buffer.alloc(8)), 20_000)],
      ['resets without end (CVE-2023-44487)', resets],
    ]
    function repeated(one: Buffer, times: number, first: Buffer = Buffer.alloc(0)): Buffer {
      return Buffer.concat([first, ...Array.from({ length: times }, () => one)])
    }
    /** Each stream is refused, so that nothing is sent to the service, and reset all the same. */
    function resets(): Buffer {
      const code = Buffer.from([0, 0, 0, 8])
      const foreign = Buffer.concat([
        ...[field(':method', 'GET'), field(':scheme', 'https'), field(':authority', 'other.test'), field(':path', '/')],
      ])
      const pairs = Array.from({ length: 4_000 }, (_, n) => [
        frame(HEADERS, 5, 2 * n + 1, foreign),
        frame(RST_STREAM, 0, 2 * n + 1, code),
      ])
      return Buffer.concat(pairs.flat())
    }
    for (const [what, bytes] of floods)
      test(`cuts the connection: ${what}`, async () => {
        const tls = what === 'no preface' ? await secureTunnel(at()) : await raw()
        await cut(tls, () => tls.write(bytes()))
      })

    test('refuses a head that is too large, or whose target is no path', async () => {
      const session = await http2Tunnel(at())
      const many = Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`x-${n}`, 'a']))
      for (const headers of [{ 'x-large': 'a'.repeat(17 * 1024) }, many, { ':path': 'https://other.test/' }]) {
        // Refused by us, or reset by the codec before we see it.
        const { status, code } = await ask2(session, { ':path': '/', ...headers })
        assert.ok(status === 431 || (status === 0 && code !== 0), `${status} ${code}`)
      }
      session.destroy()
    })

    test('has a hundred streams at once, and refuses what is more', async () => {
      const session = await http2Tunnel(at())
      await until(() => session.remoteSettings?.maxConcurrentStreams === 100)
      session.destroy()
    })
  })
})
