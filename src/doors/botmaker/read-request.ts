// The body of a call: whole where it is short, so that it can be sent again with another key; else as it comes.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { httpProblem } from '../../http/problems.ts'
import { bodyAtHand, readBody } from '../../http/read-body.ts'

export const MAX_BODY = 64 * 1024 * 1024
const MOST_KEPT = 1024 * 1024
/** Of all calls together: above it bodies go on as they come. */
const MOST_KEPT_IN_ALL = 128 * 1024 * 1024
const IDLE_MS = 30_000

export class KeptBodies {
  #bytes = 0

  /** Throws Problem `body_too_large`; rejects as readBody() does. */
  async read(request: IncomingMessage, response: ServerResponse): Promise<Buffer | IncomingMessage | undefined> {
    const { headers } = request
    const chunked = headers['transfer-encoding'] !== undefined
    const length = Number(headers['content-length'] ?? 0)
    if (length > MAX_BODY) throw httpProblem('body_too_large')
    if (!chunked && length === 0) return undefined
    if (chunked || length > MOST_KEPT || this.#bytes + length > MOST_KEPT_IN_ALL) return request
    if (headers.expect !== undefined) response.writeContinue()
    await undefined
    const atHand = bodyAtHand(request, MOST_KEPT)
    if (atHand !== undefined) return this.#kept(atHand, response)
    return this.#kept(await readBody(request, { maxBytes: MOST_KEPT, idleMs: IDLE_MS }), response)
  }

  #kept(body: Buffer, response: ServerResponse): Buffer {
    this.#bytes += body.length
    response.once('close', () => {
      this.#bytes -= body.length
    })
    return body
  }
}
