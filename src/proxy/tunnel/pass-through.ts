// Joins a client with a host of no service, and counts what passes. Its invariant: not a byte goes on before the client said in
// its handshake the host that CONNECT named; and when either side is gone, the other is.
import { isIP, type Socket } from 'node:net'
import { ClientHello } from './client-hello.ts'
import { asksAgain } from './hello-retry.ts'
import type { ServerName } from './server-name.ts'
import type { Tunnel } from './tunnels.ts'

/** The other end of such a tunnel: it stands, and nothing was sent. */
export interface Passed {
  readonly upstream: Socket
  /** Once. Bytes as they went over the connection. `error`: a permanent code. */
  readonly onEnd: (bytesIn: number, bytesOut: number, error?: string) => void
}

/** For a whole hello, however it comes. */
const HANDSHAKE_TIMEOUT_MS = 10_000
/** For the server's first word about it. */
const ANSWER_TIMEOUT_MS = 30_000
/** How long nothing may pass either way. */
const IDLE_MS = 15 * 60_000
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'
const NOTHING = Buffer.alloc(0)

export function passThrough({ socket, origin }: Tunnel, { upstream, onEnd }: Passed, head: Buffer): void {
  let error: string | undefined
  const cut = (why?: string) => {
    error ??= why
    socket.destroy()
    upstream.destroy()
  }
  upstream.once('close', () => {
    socket.destroy()
    onEnd(upstream.bytesWritten, upstream.bytesRead, error)
  })
  upstream.on('error', () => cut('upstream_broke'))
  socket.once('close', () => upstream.destroy())
  if (socket.destroyed || upstream.destroyed) {
    cut('caller_left')
    return
  }
  upstream.on('timeout', () => cut('upstream_timeout'))
  socket.write(ESTABLISHED)
  const open = ({ hello, rest }: ClientHello['said']) => {
    upstream.setTimeout(IDLE_MS)
    upstream.write(hello)
    upstream.write(rest)
    socket.pipe(upstream)
  }
  const hears = (hello: ClientHello, first: Buffer, goOn: (said: ClientHello['said']) => void) =>
    listen(socket, hello, first, cut, (name) => (names(name, origin.host) ? goOn(hello.said) : cut('host_refused')))
  hears(new ClientHello(), head, ({ hello, rest }) => {
    upstream.setTimeout(ANSWER_TIMEOUT_MS)
    upstream.write(hello)
    answers(upstream, (bytes, again) => {
      socket.write(bytes)
      upstream.pipe(socket)
      // What a client says anew it could say of another host.
      if (again) hears(new ClientHello(true), rest, open)
      else open({ hello: NOTHING, rest })
    })
  })
}

/** Tells the name once the client said all of a hello, and reads nothing further of it. */
function listen(
  socket: Socket,
  hello: ClientHello,
  first: Buffer,
  cut: (why: string) => void,
  tell: (name: ServerName) => void,
): void {
  const timer = setTimeout(() => cut('caller_timeout'), HANDSHAKE_TIMEOUT_MS)
  const over = () => clearTimeout(timer)
  // The listener keeps half-open connections; one whose client left before it said who it means is over.
  const leave = () => cut('caller_left')
  const hear = (bytes: Buffer) => {
    const name = hello.take(bytes)
    if (name === 'more') return
    over()
    socket.off('data', hear).off('end', leave).off('close', over).pause()
    tell(name)
  }
  socket.once('end', leave).once('close', over).on('data', hear).resume()
  if (first.length > 0) hear(first)
}

/** Tells the server's first bytes, and whether they ask for another hello. */
function answers(upstream: Socket, tell: (bytes: Buffer, again: boolean) => void): void {
  let said = NOTHING
  const answer = (bytes: Buffer) => {
    said = Buffer.concat([said, bytes])
    const again = asksAgain(said)
    if (again === undefined) return
    upstream.off('data', answer).pause()
    tell(said, again)
  }
  upstream.on('data', answer)
}

/** An address has no name; everything else says it. */
function names(said: ServerName, host: string): boolean {
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0) return said === 'none'
  return typeof said === 'object' && said.name === host
}
