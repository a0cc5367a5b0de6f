import type { IncomingMessage } from 'node:http'
import { httpProblem } from './problems.ts'

const NOTHING = Buffer.alloc(0)

export interface ReadBodyLimits {
  readonly maxBytes: number
  /** Longest silence between two pieces, in milliseconds. */
  readonly idleMs: number
}

/**
 * The whole body of a request, at most `maxBytes`. Rejects with Problem `body_too_large` or `request_timeout`, and leaves
 * the rest unread: the answer to either ends the connection.
 */
export function readBody(request: IncomingMessage, { maxBytes, idleMs }: ReadBodyLimits): Promise<Buffer> {
  if (request.readableEnded) return Promise.resolve(NOTHING)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const settle = (error: Error | undefined) => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      if (error === undefined) resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
      else {
        request.pause()
        reject(error)
      }
    }
    const timer = setTimeout(() => settle(httpProblem('request_timeout')), idleMs)
    const onData = (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBytes) settle(httpProblem('body_too_large'))
      else {
        chunks.push(chunk)
        timer.refresh()
      }
    }
    const onEnd = () => settle(undefined)
    const onGone = () => settle(httpProblem('http_malformed', { detail: 'The body ended before it was complete.' }))
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

/**
 * The body of a request that is all there, as short ones are: those come with their head. Undefined while more of it is to
 * come. Wait for a turn of the microtasks first: the parser goes on to the end of what it was given. Throws Problem `body_too_large`.
 */
export function bodyAtHand(request: IncomingMessage, maxBytes: number): Buffer | undefined {
  if (!request.complete || request.readableEnded) return undefined
  const body = (request.read() as Buffer | null) ?? NOTHING
  if (body.length > maxBytes) throw httpProblem('body_too_large')
  return body
}
