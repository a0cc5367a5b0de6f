import type { ServerResponse } from 'node:http'

const AS_TEXT_BYTES = 8 * 1024

/** Ends the answer. A short body goes out as text with the head: node:http then makes one plain write of both. */
export function endWith(response: ServerResponse, body: Buffer): void {
  if (body.length <= AS_TEXT_BYTES) response.end(body.toString('latin1'), 'latin1')
  else response.end(body)
}
