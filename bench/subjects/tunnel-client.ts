// A load of calls over raw sockets, for what wrk cannot do: requests inside tunnels. `node tunnel-client.ts FILE`, where FILE
// holds the Load as JSON; prints the Done. One request at a time on each connection, as wrk does it.
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Load {
  /** `calls`: on kept connections. `tunnels`: a new connection, with its handshake, each time, and no call. */
  readonly mode: 'calls' | 'tunnels'
  readonly host: string
  readonly port: number
  /** What opens the tunnel, whole; without one the calls go to the port itself. */
  readonly connect?: string
  /** Whether TLS is spoken: inside the tunnel, or with the port itself. Whose certificate it is, is not looked at. */
  readonly tls: boolean
  /** The whole request. */
  readonly request: string
  readonly connections: number
  readonly seconds: number
}

export interface Done {
  readonly done: number
  readonly failed: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const load = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Load
const request = Buffer.from(load.request)
const times: number[] = []
let failed = 0

/** Resolves with the head of an answer, its body read as well. */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const hear = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? Number.NaN)
      const ended = Number.isNaN(length) ? endOf(text, head) : text.length >= head + 4 + length
      if (!ended) return
      socket.off('data', hear).off('close', gone)
      resolve(text.slice(0, head))
    }
    const gone = () => reject(new Error(`the connection ended: ${text.slice(0, 200)}`))
    socket.on('data', hear).once('close', gone)
  })
}

/** Without a length an answer is chunked, or, to CONNECT, has no body. */
function endOf(text: string, head: number): boolean {
  return !/\r\ntransfer-encoding: *chunked/i.test(text.slice(0, head)) || text.endsWith('0\r\n\r\n')
}

async function open(): Promise<Socket> {
  const socket = connectTcp({ host: load.host, port: load.port, noDelay: true })
  socket.on('error', () => {})
  if (load.connect !== undefined) {
    socket.write(load.connect)
    const head = await answer(socket)
    if (!head.startsWith('HTTP/1.1 200')) throw new Error(head)
  }
  if (!load.tls) return socket
  const secure = connectTls({ socket, rejectUnauthorized: false })
  secure.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    secure.once('secureConnect', () => resolve())
    secure.once('close', () => reject(new Error('the handshake failed')))
  })
  return secure
}

async function calls(until: number): Promise<void> {
  let socket = await open()
  while (performance.now() < until) {
    const from = performance.now()
    socket.write(request)
    const head = await answer(socket)
    if (head.startsWith('HTTP/1.1 200')) times.push(performance.now() - from)
    else failed += 1
    if (/\r\nconnection: *close/i.test(head)) {
      socket.destroy()
      socket = await open()
    }
  }
  socket.destroy()
}

async function tunnels(until: number): Promise<void> {
  while (performance.now() < until) {
    const from = performance.now()
    const socket = await open()
    times.push(performance.now() - from)
    socket.destroy()
  }
}

const began = performance.now()
const until = began + load.seconds * 1_000
const work = load.mode === 'calls' ? calls : tunnels
await Promise.all(Array.from({ length: load.connections }, () => work(until)))
const seconds = (performance.now() - began) / 1_000
const sorted = times.toSorted((a, b) => a - b)
const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
const done: Done = { done: sorted.length, failed, seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
process.stdout.write(`${JSON.stringify(done)}\n`)
