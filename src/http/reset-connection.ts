import type { Socket } from 'node:net'

/** The TCP connection below each TLS one. */
const carriers = new WeakMap<Socket, Socket>()

/** Said by the listener when a handshake is whole. */
export function noteCarrier(secure: Socket, carrier: Socket): void {
  carriers.set(secure, carrier)
}

/** Ends the connection so that nobody takes what came for the whole: RST, not FIN. Only TCP has that; else it is closed. */
export function resetConnection(socket: Socket): void {
  const carrier = carriers.get(socket) ?? socket
  try {
    carrier.resetAndDestroy()
  } catch {
    socket.destroy()
  }
}
