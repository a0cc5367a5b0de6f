import type { Socket } from 'node:net'

type Done = (error?: Error | null) => void

/**
 * Lets a connection be read to its end after a write to it failed, since Node would drop what came in before. A server may
 * answer a request before its body is complete and close (RFC 9112 §9.5 and §9.6): our next write then fails, and the answer
 * lies unread. Until it is read the writes wait, which stops the sender; then the failure takes its course.
 *
 * A failed write has taken the error away from the reads, so that they end as if the peer had closed in peace: `onReset`
 * hears of the cut in its place, before whoever else hears of the end. To be called before anybody listens to the socket.
 */
export function outliveWrites(socket: Socket, onReset: () => void): void {
  const { _write: write, _writev: writev } = socket
  let done: Done = () => {}
  let failure: Error | undefined
  // One for all writes: a stream makes one at a time.
  const settle: Done = (error) => {
    if (error != null && isCut(error) && !socket.readableEnded) failure = error
    else done(error)
  }
  socket._write = (chunk, encoding, callback) => {
    done = callback
    write.call(socket, chunk, encoding, settle)
  }
  socket._writev = (chunks, callback) => {
    done = callback
    writev?.call(socket, chunks, settle)
  }
  socket.once('end', () => {
    if (failure === undefined) return
    onReset()
    setImmediate(() => done(failure))
  })
}

function isCut({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET'
}
