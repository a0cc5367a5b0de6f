import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** How long a caller that still sends may take to read its answer, milliseconds. */
const LINGER_MS = 2_000

/**
 * Makes an answer the last of its connection, for a request that was not read to its end: the rest of it would be taken for
 * the next one. Closing at once makes a RST of what still comes in, which can take the answer away from a caller that has
 * not read it yet. So our side is closed first, and for a moment what comes is thrown away (RFC 9112 §9.6).
 */
export function lastOfConnection(response: ServerResponse): void {
  response.shouldKeepAlive = false
  const { socket } = response
  // Called by node:http when the last answer of a connection is out.
  if (socket !== null) socket.destroySoon = () => linger(socket)
}

function linger(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroy())
  // Whoever read the body may have stopped the socket; node:http starts it again when it hears 'resume'. Only then it is
  // taken away from the parser, whose request may be gone, and which would take what follows for the next one.
  socket.once('resume', () => socket.removeAllListeners('data').on('data', () => {}))
  socket.pause().resume().end()
}
