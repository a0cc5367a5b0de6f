import { connect, type Socket } from 'node:net'
import { type Answer, readAnswers } from './read-answers.ts'

export interface RawTarget {
  readonly port?: number
  readonly host?: string
  /** A unix socket instead of host and port. */
  readonly socketPath?: string
}

export interface ExchangeOptions {
  /** The most the exchange may take, ms. Reaching it is not an error: `ended` says `timeout`. */
  readonly limitMs?: number
  /** Silence before the first byte and after any later one, ms, after which our side of the connection is closed for
   * writing, so that a server that waits for more ends. Closing too early loses an answer that is still being made. */
  readonly silentMs?: number
  readonly quietMs?: number
  /** Pause between pieces, ms. 0 writes all at once. */
  readonly gapMs?: number
  /** Where so many whole answers must come: our side is closed when they are there, and not for any silence before. */
  readonly answers?: number
}

export interface Exchange {
  readonly bytes: Buffer
  readonly answers: readonly Answer[]
  readonly ended: 'closed' | 'reset' | 'timeout' | 'refused'
}

/** Sends exactly these bytes on a fresh connection and reads all that comes back until the other side closes. */
export function exchange(
  target: RawTarget,
  pieces: string | Buffer | readonly (string | Buffer)[],
  options: ExchangeOptions = {},
): Promise<Exchange> {
  const { silentMs = 400, quietMs = 60, gapMs = 0, answers } = options
  const { limitMs = answers === undefined ? 5_000 : 60_000 } = options
  return new Promise((resolve) => {
    const socket = open(target)
    const chunks: Buffer[] = []
    let connected = false
    let ended: Exchange['ended'] | undefined
    let quiet: NodeJS.Timeout | undefined
    const whole = () => readAnswers(Buffer.concat(chunks)).filter(({ complete }) => complete).length
    const listen = (ms: number): void => {
      if (answers !== undefined) return void (whole() >= answers && socket.end())
      clearTimeout(quiet)
      quiet = setTimeout(() => socket.end(), ms)
    }
    const limit = setTimeout(() => finish('timeout'), limitMs)
    const finish = (how: Exchange['ended']): void => {
      ended ??= how
      clearTimeout(limit)
      clearTimeout(quiet)
      socket.destroy()
      const bytes = Buffer.concat(chunks)
      resolve({ bytes, answers: readAnswers(bytes), ended })
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      listen(quietMs)
    })
    socket.once('connect', () => {
      connected = true
      void sendPieces(socket, pieces, gapMs).then(() => listen(chunks.length === 0 ? silentMs : quietMs))
    })
    socket.on('error', () => {
      ended ??= connected ? 'reset' : 'refused'
    })
    socket.once('close', () => finish('closed'))
  })
}

function open(target: RawTarget): Socket {
  if (target.socketPath !== undefined) return connect(target.socketPath)
  return connect({ port: target.port!, host: target.host ?? '127.0.0.1', noDelay: true })
}

async function sendPieces(
  socket: Socket,
  pieces: string | Buffer | readonly (string | Buffer)[],
  gapMs: number,
): Promise<void> {
  const list = typeof pieces === 'string' || Buffer.isBuffer(pieces) ? [pieces] : pieces
  for (const piece of list) {
    if (socket.destroyed) return
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
    if (gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs))
  }
}
