import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type RawData, WebSocket } from 'ws'
import { closed, until } from '../../../test/instruments/wait.ts'
import { switched, type WebSocketUpstream, webSocketUpstream } from '../../../test/instruments/web-socket-upstream.ts'
import { httpProblem } from '../../http/problems.ts'
import type { Outcome } from '../outcome.ts'
import { type Rig, SECRET, startRig, TOKEN } from '../proxy.support.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What the service does with the next socket. */
let onSocket: ((socket: WebSocket) => void) | undefined
let onRaw: ((socket: Socket, answer: string) => void) | undefined
let more = ''
/** Where outcomes are to be on the disk first. */
let settle: ((outcome: Outcome) => Promise<unknown>) | undefined
let upstream: WebSocketUpstream
let rig: Rig

before(async () => {
  upstream = await webSocketUpstream({
    onSocket: (socket) => {
      if (onSocket === undefined) socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
      else onSocket(socket)
    },
    onRaw: (socket, request) => onRaw?.(socket, switched(request, more)),
  })
})
after(() => upstream.close())
beforeEach(async () => {
  ;[onSocket, onRaw, more, settle] = [undefined, undefined, '', undefined]
  upstream.asked.splice(0)
  rig = await startRig({
    origins: [`http://127.0.0.1:${upstream.port}`],
    settling: () => settle,
    forwarder: { frameLimits: { messageBytes: 1024 * 1024, totalBytes: 64 * 1024 * 1024 } },
  })
})
afterEach(async () => {
  await until(() => rig.settled())
  assert.deepEqual(rig.bugs, [])
  await rig.close()
})

const headers = { authorization: `Bearer ${TOKEN}` }

function socketTo(path: string, protocols: string[] = [], options = {}): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${rig.port}/to/up${path}`, protocols, { headers, ...options })
}

async function opened(path = '/echo', protocols?: string[]): Promise<WebSocket> {
  const socket = socketTo(path, protocols)
  await once(socket, 'open')
  return socket
}

const next = async (socket: WebSocket): Promise<{ text: string; isBinary: boolean }> => {
  const [data, isBinary] = (await once(socket, 'message')) as [RawData, boolean]
  return { text: data.toString(), isBinary }
}

/** What the process keeps once all is let go of that nobody holds; client and service included. Bytes. */
function held(): { rss: number; memory: number } {
  collect()
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  return { rss, memory: heapUsed + arrayBuffers }
}

/** Its code and reason. */
const over = (socket: WebSocket): Promise<[number, string]> =>
  new Promise((resolve) => {
    socket.on('error', () => {}).once('close', (code, reason) => resolve([code, reason.toString()]))
  })

/** The status that the handshake was answered with, and the body. */
const refused = (socket: WebSocket): Promise<[number | undefined, string]> =>
  new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('it opened')))
    socket.on('error', () => {})
    socket.once('unexpected-response', (_, answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => resolve([answer.statusCode, Buffer.concat(chunks).toString()]))
    })
  })

/** A client that says byte for byte what a test wants, once the handshake is over. */
async function rawClient(
  path = '/echo',
  lines = '',
): Promise<{ socket: Socket; gone: Promise<void>; said: () => Buffer }> {
  const socket = connect(rig.port, '127.0.0.1')
  const chunks: Buffer[] = []
  const gone = closed(socket.on('data', (chunk) => chunks.push(chunk)))
  const handshake = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`
  socket.write(
    `GET /to/up${path} HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nAuthorization: Bearer ${TOKEN}\r\n${lines === '' ? handshake : lines}\r\n`,
  )
  const said = () => Buffer.concat(chunks)
  await until(() => said().includes('\r\n\r\n') || socket.closed)
  return { socket, gone, said }
}

const frames = (said: Buffer): Buffer => said.subarray(said.indexOf('\r\n\r\n') + 4)
const isClose = (said: Buffer, code: number): boolean => {
  const rest = frames(said)
  return rest[0] === 0x88 && rest.readUInt16BE(2) === code
}

describe('a WebSocket', () => {
  test('gets the credential and loses the token, and what the caller said of the connection', async () => {
    const socket = await opened('/echo?a=1', ['chat', 'openai-insecure-api-key.sk-own', 'superchat'])
    assert.equal(socket.protocol, 'chat')
    assert.equal(socket.extensions, '')
    socket.send('hello')
    assert.deepEqual(await next(socket), { text: 'hello', isBinary: false })
    socket.send(Buffer.from([0, 1, 2]))
    assert.deepEqual(await next(socket), { text: '\0\x01\x02', isBinary: true })
    const [asked] = upstream.asked
    assert.equal(asked?.url, '/echo?a=1')
    assert.equal(asked?.headers.authorization, `Bearer ${SECRET}`)
    assert.equal(asked?.headers['sec-websocket-extensions'], undefined)
    assert.equal(asked?.headers['sec-websocket-protocol'], 'chat, superchat')
    assert.ok(!JSON.stringify(asked?.rawHeaders).includes(TOKEN))
    socket.close(4_321, 'done')
    assert.deepEqual(await over(socket), [4_321, 'done'])
    await until(() => rig.settled())
    const [{ status, bytesIn, bytesOut, framesIn, framesOut, error }] = rig.outcomes as [(typeof rig.outcomes)[0]]
    assert.deepEqual([status, bytesIn, bytesOut, framesIn, framesOut, error], [101, 14, 14, 3, 3, undefined])
    assert.equal(rig.openCalls.total, 0)
  })

  test('carries the credential in the query where the service wants it there', async () => {
    await rig.close()
    rig = await startRig({
      origins: [`http://127.0.0.1:${upstream.port}`],
      injection: { kind: 'query', name: 'key' },
    })
    const socket = await opened('/echo?a=1')
    assert.equal(upstream.asked[0]?.url, `/echo?a=1&key=${SECRET}`)
    socket.terminate()
  })

  test('carries messages of every size, both ways, and pings', async () => {
    const socket = await opened()
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const sent = Buffer.alloc(size, 'abcdefg')
      socket.send(sent)
      assert.equal((await next(socket)).text, sent.toString(), `${size}`)
    }
    socket.ping('are you there')
    const [answered] = (await once(socket, 'pong')) as [Buffer]
    assert.equal(answered.toString(), 'are you there')
    socket.close()
    assert.deepEqual((await over(socket))[0], 1_005)
  })

  test('gives the caller an answer that does not switch as it is', async () => {
    const [status, body] = await refused(socketTo('/no'))
    assert.deepEqual([status, body], [403, 'not you'])
    await until(() => rig.settled())
    assert.equal(rig.outcomes[0]?.status, 403)
  })

  test('is refused without a token, with a wrong one, and where nothing was granted, with nothing sent', async () => {
    const before = upstream.connections()
    const at = (path: string, sent: Record<string, string>) =>
      refused(new WebSocket(`ws://127.0.0.1:${rig.port}${path}`, { headers: sent }))
    assert.equal((await at('/to/up/echo', {}))[0], 401)
    assert.equal((await at('/to/up/echo', { authorization: 'Bearer nothing' }))[0], 401)
    assert.equal(upstream.connections(), before)
    assert.equal(rig.outcomes.length, 0)
  })

  test('is not made where the service’s answer is not right', async () => {
    const answers: [string, (answer: string) => string][] = [
      ['another accept', (answer) => answer.replace(/Accept: ./, 'Accept: _')],
      ['none', (answer) => answer.replace(/Sec-WebSocket-Accept: .*\r\n/, '')],
      ['two', (answer) => answer.replace(/(Sec-WebSocket-Accept: .*\r\n)/, '$1$1')],
      ['another protocol', (answer) => answer.replace('Upgrade: websocket', 'Upgrade: h2c')],
      ['an extension', (answer) => answer.replace(/\r\n$/, 'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n')],
      [
        'a subprotocol that was not offered',
        (answer) => answer.replace(/\r\n$/, 'Sec-WebSocket-Protocol: other\r\n\r\n'),
      ],
    ]
    for (const [what, change] of answers) {
      let gone: Promise<void> | undefined
      onRaw = (socket, answer) => {
        gone = closed(socket.resume())
        socket.write(change(answer))
      }
      const [status, body] = await refused(socketTo('/raw', ['chat']))
      assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [502, 'upstream_handshake'], what)
      await gone
    }
    await until(() => rig.settled())
    assert.ok(rig.outcomes.every(({ error }) => error === 'upstream_handshake'))
  })

  test('is refused where the caller asks for it in another way than the standard’s', async () => {
    const good = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const asks: [string, Record<string, string>, string][] = [
      ['another version', { 'Sec-WebSocket-Version': '8' }, 'protocol_not_carried'],
      ['a key of 15 bytes', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j' }, 'protocol_not_carried'],
      ['a key with bits left over', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }, 'protocol_not_carried'],
      ['two keys', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }, 'protocol_not_carried'],
      ['no names of protocols', { 'Sec-WebSocket-Protocol': 'a,,b' }, 'protocol_not_carried'],
      ['one protocol twice', { 'Sec-WebSocket-Protocol': 'a, a' }, 'protocol_not_carried'],
      ['our token for a protocol', { 'Sec-WebSocket-Protocol': `chat, x${TOKEN}` }, 'token_misplaced'],
    ]
    for (const [what, change, code] of asks) {
      const lines = Object.entries({ ...good, ...change }).map(([name, value]) => `${name}: ${value}\r\n`)
      const { said, gone } = await rawClient('/echo', lines.join(''))
      await gone
      assert.ok(said().toString().includes(`"code":"${code}"`), `${what}: ${said()}`)
    }
    assert.equal(upstream.asked.length, 0)
  })

  test('cuts who speaks before it has an answer, and who asks while another answer is on its way', async () => {
    const early = connect(rig.port, '127.0.0.1').on('error', () => {})
    const head = `GET /to/up/echo HTTP/1.1\r\nHost: 127.0.0.1:${rig.port}\r\nAuthorization: Bearer ${TOKEN}\r\n`
    const handshake = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
    early.resume().write(`${head}${handshake}\x81\x80abcd`)
    await closed(early)
    onRaw = () => {}
    const two = connect(rig.port, '127.0.0.1').on('error', () => {})
    two.resume().write(`${head.replace('/echo', '/slow')}\r\n${head}${handshake}`)
    await closed(two)
    assert.ok(upstream.asked.every(({ headers: { upgrade } }) => upgrade === undefined))
  })
})

describe('frames', () => {
  test('of a gigabyte are closed with 1009, and kept nowhere', async () => {
    const fromBoth = async () => {
      const before = held()
      const fromCaller = await rawClient()
      fromCaller.socket.write(Buffer.from('82ff000000004000000001020304', 'hex'))
      await until(() => isClose(fromCaller.said(), 1009))
      await fromCaller.gone
      onRaw = (socket, answer) =>
        void socket.write(Buffer.concat([Buffer.from(answer), Buffer.from('827f0000000040000000', 'hex')]))
      assert.deepEqual(await over(socketTo('/raw')), [1011, 'upstream_broke'])
      await until(() => rig.settled())
      const now = held()
      return { rss: now.rss - before.rss, memory: now.memory - before.memory }
    }
    // The first has the code read and compiled; that one round of those after it grows the heap is no frame's doing.
    await fromBoth()
    const rounds: { rss: number; memory: number }[] = []
    while (rounds.length < 5) rounds.push(await fromBoth())
    const median = (of: 'rss' | 'memory') =>
      rounds.map((round) => round[of]).sort((one, other) => one - other)[2] ?? Number.NaN
    assert.ok(median('rss') < 16 * 1024 ** 2, JSON.stringify(rounds))
    assert.ok(median('memory') < 1024 ** 2, JSON.stringify(rounds))
    const errors = rig.outcomes.map(({ error }) => error)
    assert.deepEqual(errors, Array(6).fill(['frame_refused', 'upstream_broke']).flat())
  })

  test('that break the protocol end it with 1002, whoever sends them', async () => {
    for (const bytes of ['810548656c6c6f', 'c18101020304', '898000000000 09800000', '8380', '808001020304']) {
      const { socket, gone, said } = await rawClient()
      socket.write(Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
      await gone
      assert.ok(frames(said()).includes('\x03\xeaframe_refused: ', 0, 'latin1'), bytes)
    }
    for (const bytes of ['818537fa213d7f9f4d5158', 'c10548656c6c6f', '0900', '8300', '8000']) {
      const said: Buffer[] = []
      let gone: Promise<void> | undefined
      onRaw = (socket, answer) => {
        gone = closed(socket.on('data', (chunk) => said.push(chunk)))
        socket.write(Buffer.concat([Buffer.from(answer), Buffer.from(bytes, 'hex')]))
      }
      assert.equal((await over(socketTo('/raw')))[0], 1011, bytes)
      await gone
      const told = Buffer.concat(said)
      // Masked: the code is below the mask.
      assert.deepEqual(
        [told[0], (told[6] as number) ^ (told[2] as number), (told[7] as number) ^ (told[3] as number)],
        [0x88, 3, 0xea],
      )
    }
  })

  test('that say nothing are counted: a flood of pings is closed with 1008', async () => {
    const { socket, gone, said } = await rawClient()
    const ping = Buffer.from('898000000000', 'hex')
    socket.write(Buffer.concat(Array.from({ length: 1_100 }, () => ping)))
    await gone
    assert.ok(frames(said()).includes('control flood'))
  })

  test('of one message may be many, and more bytes than there may be end it', async () => {
    const socket = await opened()
    for (const part of ['one ', 'two ', 'three']) socket.send(part, { fin: part === 'three' })
    assert.equal((await next(socket)).text, 'one two three')
    for (let n = 0; n < 9; n++) socket.send(Buffer.alloc(128 * 1024), { fin: false })
    assert.deepEqual((await over(socket))[0], 1009)
  })
})

describe('the credential', () => {
  test('is taken out of messages, over fragments and pieces of any size, and out of what closes', async () => {
    onSocket = (socket) => {
      socket.on('message', () => {
        socket.send(`{"you":"Bearer ${SECRET}"}`)
        for (const letter of `<${SECRET}`) socket.send(letter, { fin: false })
        socket.send('>', { fin: true })
        socket.send(Buffer.from(`${Buffer.from(SECRET).toString('base64')}`), { binary: true })
        socket.ping(SECRET)
        socket.close(4_000, `it is ${SECRET}`)
      })
    }
    const socket = await opened()
    const got: string[] = []
    socket.on('message', (data) => got.push(data.toString()))
    socket.on('ping', (data: Buffer) => got.push(data.toString()))
    const ended = over(socket)
    socket.send('go')
    const [code, reason] = await ended
    assert.deepEqual([code, reason], [4_000, 'it is [redacted:crd_1]'])
    assert.equal(got[0], '{"you":"Bearer [redacted:crd_1]"}')
    assert.equal(got[1], '<[redacted:crd_1]>')
    assert.ok(
      got.every(
        (text) => !text.includes(SECRET) && !text.includes(Buffer.from(SECRET).toString('base64').slice(4, 20)),
      ),
    )
    await until(() => rig.settled())
    assert.equal(rig.outcomes[0]?.echoes, 5)
  })

  test('is found in compressed data, where it cannot be taken out: the WebSocket ends', async () => {
    const { gzipSync } = await import('node:zlib')
    onSocket = (socket) => {
      socket.send(gzipSync('nothing in it'))
      socket.send('between')
      socket.send(gzipSync(`it is ${SECRET}`))
      socket.send('never')
    }
    const socket = socketTo('/echo')
    const got: string[] = []
    socket.on('message', (data) => got.push(data.toString('latin1')))
    assert.deepEqual(await over(socket), [1011, 'upstream_secret_compressed'])
    assert.equal(got.length, 2)
    assert.equal(got[1], 'between')
  })
})

describe('the end', () => {
  test('from outside comes to both sides at once', async () => {
    const socket = await opened()
    await until(() => upstream.sockets.size === 1)
    const [service] = upstream.sockets
    const ends = [over(socket), over(service as WebSocket)]
    assert.equal(
      rig.openCalls.kill(() => true, 'token_changed'),
      1,
    )
    assert.equal(rig.settled(), true)
    assert.deepEqual(await ends[0], [1008, 'call_ended'])
    await ends[1]
    assert.equal(rig.outcomes[0]?.error, 'call_ended')
  })

  test('of one side is the end of the other', async () => {
    const first = await opened()
    await until(() => upstream.sockets.size === 1)
    const [service] = upstream.sockets
    const gone = over(service as WebSocket)
    first.terminate()
    await gone
    const second = await opened()
    const told = over(second)
    for (const one of upstream.sockets) one.terminate()
    assert.equal((await told)[0], 1006)
    await until(() => rig.settled())
    assert.deepEqual(
      rig.outcomes.map(({ error }) => error),
      ['caller_left', 'upstream_broke'],
    )
  })

  test('comes when nothing passes for as long as the service may be silent', async () => {
    await rig.close()
    rig = await startRig({ origins: [`http://127.0.0.1:${upstream.port}`], timeouts: { idleMs: 100 } })
    assert.deepEqual(await over(socketTo('/echo')), [1001, 'upstream_timeout'])
  })
})

test('a caller that reads slowly slows the service down, and costs no memory', async () => {
  let sent = 0
  let stuck = false
  onSocket = (socket) => {
    const chunk = Buffer.alloc(64 * 1024, 1)
    const send = () => {
      if (socket.readyState !== WebSocket.OPEN) return
      stuck = socket.bufferedAmount > 8 * 1024 ** 2
      if (stuck) return
      sent += chunk.length
      socket.send(chunk)
      setImmediate(send)
    }
    send()
  }
  const { socket } = await rawClient()
  socket.pause()
  await until(() => stuck)
  // What is in the kernel's buffers and the service's own: nothing like what it would send to a quick reader.
  assert.ok(sent < 64 * 1024 ** 2, `${sent}`)
  socket.destroy()
})

describe('a close that waits for the record', () => {
  /** Holds every outcome until it is let go, as a disk would. */
  function disk() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const asked: Outcome[] = []
    settle = (outcome) => {
      asked.push(outcome)
      return promise
    }
    return { asked, done: resolve, fails: reject }
  }

  test('comes once the outcome is on the disk, and nothing of the caller goes on meanwhile', async () => {
    const { asked, done } = disk()
    const heard: string[] = []
    let left: number | undefined
    onSocket = (socket) => {
      socket.on('message', (data) => {
        heard.push(String(data))
        socket.send('bye')
        socket.close(4001, 'enough')
      })
      socket.on('close', (code) => (left = code))
    }
    const socket = await opened()
    const end = over(socket)
    const said = next(socket)
    socket.send('one')
    assert.equal((await said).text, 'bye')
    await until(() => asked.length === 1)
    for (let n = 0; n < 50; n++) socket.send('more')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual([socket.readyState, rig.outcomes.length], [WebSocket.OPEN, 0])
    done()
    assert.deepEqual(await end, [4001, 'enough'])
    await until(() => rig.settled() && left !== undefined)
    assert.deepEqual(heard, ['one'])
    const { framesIn, framesOut, bytesIn, bytesOut } = asked[0] as Outcome
    assert.deepEqual([framesIn, framesOut, bytesIn, bytesOut], [1, 2, 3, 11])
    assert.deepEqual([rig.outcomes[0]?.recorded, rig.outcomes[0]?.error], [true, undefined])
  })

  test('waits as well where the caller closed first', async () => {
    const { asked, done } = disk()
    const socket = await opened()
    const end = over(socket)
    socket.close(1000, 'done')
    await until(() => asked.length === 1)
    assert.equal(rig.outcomes.length, 0)
    done()
    assert.deepEqual(await end, [1000, 'done'])
    await until(() => rig.settled())
    assert.deepEqual([asked[0]?.framesIn, asked[0]?.framesOut], [1, 1])
  })

  test('does not come where the outcome cannot be kept, or what the call stands on goes', async () => {
    const { asked, fails } = disk()
    const socket = await opened()
    const end = over(socket)
    socket.close(1000, 'done')
    await until(() => asked.length === 1)
    fails(httpProblem('internal_error'))
    assert.deepEqual(await end, [1011, 'internal_error'])
    const { asked: again } = disk()
    const other = await opened()
    const cut = over(other)
    other.close(1000, 'done')
    await until(() => again.length === 1)
    rig.openCalls.kill(() => true, 'token_changed')
    assert.deepEqual(await cut, [1008, 'call_ended'])
  })
})
