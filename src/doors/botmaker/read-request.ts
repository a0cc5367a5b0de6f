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
    // Before it is there: others come while it is waited for.
    this.#bytes += length
    response.once('close', () => {
      this.#bytes -= length
    })
    if (headers.expect !== undefined) response.writeContinue()
    await undefined
    return bodyAtHand(request, MOST_KEPT) ?? readBody(request, { maxBytes: MOST_KEPT, idleMs: IDLE_MS })
  }
}
