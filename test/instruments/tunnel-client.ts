// Clients of a tunnel: CONNECT with a token, TLS inside, and HTTP/2 on that.
import { once } from 'node:events'
import { type ClientHttp2Session, connect as http2Connect, type IncomingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as secure, type TLSSocket } from 'node:tls'
import { closed } from './wait.ts'

export interface TunnelTo {
  /** Of the gateway. */
  readonly port: number
  readonly token: string
  /** What CONNECT names. */
  readonly to: string
  /** What the handshake names; the host of `to` if left out, nothing if empty. */
  readonly name?: string
  readonly protocols?: readonly string[]
}

/** Resolves when CONNECT is answered with 200; rejects with the answer if it is another. */
export async function openTunnel({ port, token, to }: TunnelTo): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const basic = Buffer.from(`${token}:`).toString('base64')
  socket.write(`CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\nproxy-authorization: Basic ${basic}\r\n\r\n`)
  const [answer] = (await Promise.race([once(socket, 'data'), closed(socket).then(() => [Buffer.alloc(0)])])) as [
    Buffer,
  ]
  if (answer.toString().startsWith('HTTP/1.1 200 ')) return socket
  socket.destroy()
  throw new Error(answer.toString())
}

/** The connection inside, its handshake over, or closed. Whose certificate it is is not asked. */
export async function secureTunnel(given: TunnelTo): Promise<TLSSocket> {
  const socket = await openTunnel(given)
  const name = given.name ?? given.to.slice(0, given.to.lastIndexOf(':'))
  const named = name === '' || /^[\d.]+$/.test(name) ? {} : { servername: name }
  const ALPNProtocols = [...(given.protocols ?? ['h2'])]
  const tls = secure({
    socket,
    ...named,
    ALPNProtocols,
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
  })
  tls.on('error', () => {})
  await Promise.race([new Promise((resolve) => tls.once('secureConnect', resolve)), closed(tls)])
  return tls
}

export async function http2Tunnel(given: TunnelTo): Promise<ClientHttp2Session> {
  const tls = await secureTunnel(given)
  const session = http2Connect(`https://${given.to}`, { createConnection: () => tls })
  session.on('error', () => {})
  return session
}

export interface Http2Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
  /** Whether the head said that nothing follows. */
  readonly ended: boolean
  /** How the stream ended: 0 for well. */
  readonly code: number
}

/** One request, and all of its answer. Resolves when the stream is closed, however that came. */
export function ask2(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string | readonly string[]>>,
  body?: string | Buffer,
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = session.request({ ...headers } as Record<string, string>, { endStream: body === undefined })
    const chunks: Buffer[] = []
    const got = { headers: {} as IncomingHttpHeaders, trailers: {} as IncomingHttpHeaders, ended: false }
    stream.on('response', (head, flags) => Object.assign(got, { headers: head, ended: (flags & 1) !== 0 }))
    stream.on('trailers', (trailers) => (got.trailers = trailers))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('close', () => {
      const status = Number(got.headers[':status'] ?? 0)
      resolve({ status, ...got, body: Buffer.concat(chunks), code: stream.rstCode ?? 0 })
    })
    if (body !== undefined) stream.end(body)
  })
}
