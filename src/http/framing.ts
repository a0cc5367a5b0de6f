import type { IncomingMessage, ServerResponse } from 'node:http'
import { httpProblem } from './problems.ts'
import { sendProblem } from './send-problem.ts'

/** Whether no answer to an earlier request of the same connection is under way, or was the connection's last. */
export function isInTurn(response: ServerResponse): boolean {
  return response.socket !== null && !response.socket.writableEnded
}

/**
 * Runs `work` when it is the request's turn on its connection: at once, or after the answers to the requests before it.
 * A request behind an answer that ends the connection never has its turn: its caller could not learn what became of it.
 */
export function whenInTurn(response: ServerResponse, work: () => void): void {
  if (isInTurn(response)) work()
  else if (response.socket === null) response.once('socket', work)
}

/**
 * Refuses, with Problem `http_malformed`, a body whose framing others may understand differently: transfer codings
 * beside `chunked`, and chunks in HTTP/1.0 (RFC 9112 §6.1). The connection ends with that answer. Returns whether the
 * request was refused.
 */
export function framingRefused(request: IncomingMessage, response: ServerResponse, rid: string): boolean {
  const coding = request.headers['transfer-encoding']
  if (coding === undefined || (coding.toLowerCase() === 'chunked' && request.httpVersionMinor > 0)) return false
  response.shouldKeepAlive = false
  const detail = 'Only Transfer-Encoding: chunked is read, and only in HTTP/1.1.'
  sendProblem(response, httpProblem('http_malformed', { detail }), rid)
  return true
}
