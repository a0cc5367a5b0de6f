// Joins a client with a host of no service, and counts what passes. Its invariant: not a byte goes on before the client said in
// its handshake the host that CONNECT named; and when either side is gone, the other is.
import { isIP, type Socket } from 'node:net'
import { serverName } from './server-name.ts'
import type { Tunnel } from './tunnels.ts'

/** The other end of such a tunnel: it stands, and nothing was sent. */
export interface Passed {
  readonly upstream: Socket
  /** Once. Bytes as they went over the connection. `error`: a permanent code. */
  readonly onEnd: (bytesIn: number, bytesOut: number, error?: string) => void
}

const HANDSHAKE_TIMEOUT_MS = 10_000
/** How long nothing may pass either way. */
const IDLE_MS = 15 * 60_000
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n'

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
  socket.write(ESTABLISHED)
  const timer = setTimeout(() => cut('caller_timeout'), HANDSHAKE_TIMEOUT_MS)
  // The listener keeps half-open connections; one whose client left before it said who it means is over.
  const leave = () => cut('caller_left')
  socket.once('end', leave).once('close', () => clearTimeout(timer))
  let said: Buffer = head
  let begun = false
  const hear = (bytes?: Buffer) => {
    if (bytes !== undefined) said = Buffer.concat([said, bytes])
    const name = serverName(said)
    if (name === 'more' || begun) return
    begun = true
    socket.off('data', hear).off('end', leave)
    clearTimeout(timer)
    if (!names(name, origin.host)) return cut('host_refused')
    upstream.setTimeout(IDLE_MS, () => cut('upstream_timeout'))
    upstream.write(said)
    socket.pipe(upstream)
    upstream.pipe(socket)
  }
  socket.on('data', hear)
  if (head.length > 0) hear()
}

/** An address has no name; everything else says it. */
function names(said: ReturnType<typeof serverName>, host: string): boolean {
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0) return said === 'none'
  return typeof said === 'object' && said.name === host
}
