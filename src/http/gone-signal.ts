import type { ServerResponse } from 'node:http'

/**
 * Aborted as soon as the connection of whoever asked closes, and once the answer is over. A response whose turn has not come
 * never hears of its connection, so that is listened to as well.
 */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  const { socket } = response.req
  const leave = () => gone.abort()
  if (response.destroyed || socket.destroyed) leave()
  socket.once('close', leave)
  response.once('close', () => {
    socket.off('close', leave)
    leave()
  })
  return gone.signal
}
