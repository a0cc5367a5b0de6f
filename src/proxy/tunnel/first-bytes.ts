import type { Socket } from 'node:net'

const TIMEOUT_MS = 10_000

/**
 * What a client says first in its tunnel, for `go`, which is called once, and not if it leaves or says nothing for ten
 * seconds. It stays on the socket, for whoever reads on. `head`: what came with CONNECT already.
 */
export function firstBytes(socket: Socket, head: Buffer, go: (bytes: Buffer) => void): void {
  const timer = setTimeout(() => socket.destroy(), TIMEOUT_MS)
  const stop = () => clearTimeout(timer)
  // The listener keeps half-open connections; one whose client left before it said anything is over.
  const leave = () => void socket.destroy()
  const came = (bytes: Buffer) => {
    stop()
    socket.off('close', stop).off('end', leave)
    socket.pause()
    socket.unshift(bytes)
    go(bytes)
  }
  socket.once('close', stop)
  if (head.length > 0) came(head)
  else socket.once('end', leave).once('data', came)
}

/** Whether that is the begin of a handshake of TLS (RFC 8446 §5.1): anything else is no use to wait for. */
export function beginsTls(bytes: Buffer): boolean {
  return bytes[0] === 22 && (bytes.length < 2 || bytes[1] === 3)
}
