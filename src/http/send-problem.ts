import type { ServerResponse } from 'node:http'
import { Problem } from '../ground/problem.ts'
import { lastOfConnection } from './last-of-connection.ts'
import { httpProblem } from './problems.ts'
import { retryAfterOf } from './retry-after.ts'

/** The problem the caller may see: a promised one as it is, anything else as `internal_error`. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : httpProblem('internal_error')
}

/** A problem as it is sent: one line, so that whoever reads it at a terminal gets a prompt of its own. */
export function problemText(problem: Problem, rid: string): string {
  return `${JSON.stringify(problem.toBody(rid))}\n`
}

/** RFC 9209 `proxy-status` of an answer that the gateway made itself. */
export function proxyStatus(problem: Problem): string {
  return `claviger; error=${PROXY_ERRORS[problem.code] ?? 'http_request_denied'}; details="${problem.code}"`
}

/** Our codes that have an error type of their own in RFC 9209 §2.3. */
const PROXY_ERRORS: Readonly<Record<string, string>> = {
  internal_error: 'proxy_internal_error',
  http_malformed: 'http_request_error',
  upstream_unreachable: 'connection_refused',
  upstream_timeout: 'http_response_timeout',
  upstream_connect_timeout: 'connection_timeout',
  upstream_dns_failed: 'dns_error',
  upstream_tls_failed: 'tls_certificate_error',
  upstream_tls: 'tls_certificate_error',
  upstream_broke: 'http_response_incomplete',
  upstream_unprocessed: 'http_response_incomplete',
  upstream_encoding_refused: 'http_response_content_coding',
  address_refused: 'destination_ip_prohibited',
}

/** Headers of every problem answer. */
export function problemHeaders(problem: Problem, rid: string, length: number): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'content-length': String(length),
    'cache-control': 'no-store',
    'proxy-status': proxyStatus(problem),
    'claviger-request-id': rid,
  }
  // Basic is what clients have for a proxy: the token is user or password.
  if (problem.status === 407) headers['proxy-authenticate'] = 'Basic realm="claviger"'
  if (problem.status === 401) headers['www-authenticate'] = challengeOf(problem)
  const { dpopNonce } = problem.facts
  if (dpopNonce !== undefined) headers['dpop-nonce'] = String(dpopNonce)
  Object.assign(headers, upgradeHeaders(problem.status))
  const retry = retryAfterOf(problem)
  if (retry !== undefined) headers['retry-after'] = retry
  return headers
}

/** RFC 9110 §15.5.22; a plain connection has nothing more to carry. */
export function upgradeHeaders(status: number): Readonly<Record<string, string>> | undefined {
  return status === 426 ? { upgrade: 'TLS/1.3', connection: 'upgrade, close' } : undefined
}

/** Codes of tokens that were good, or are elsewhere: whoever has one is told so (RFC 6750 §3.1). */
const INVALID_TOKEN: ReadonlySet<string> = new Set(['wrong_audience', 'token_not_live', 'token_used_up'])

/** RFC 6750 §3, RFC 9449 §7.1. */
function challengeOf({ code, facts }: Problem): string {
  if (INVALID_TOKEN.has(code)) return 'Bearer realm="claviger", error="invalid_token"'
  if (code !== 'possession_unproven') return 'Bearer realm="claviger"'
  const error = facts.error === 'use_dpop_nonce' ? 'use_dpop_nonce' : 'invalid_dpop_proof'
  return `DPoP realm="claviger", error="${error}", algs="ES256"`
}

/** Git knows no Bearer, and asks its helpers for a token only where Basic is wanted. Browsers would ask the person. */
function askedOfGit({ req }: ServerResponse, problem: Problem): Record<string, string> | undefined {
  if (problem.status !== 401 || !/^git\//.test(req.headers['user-agent'] ?? '')) return undefined
  return { 'www-authenticate': `${challengeOf(problem)}, Basic realm="claviger"` }
}

/**
 * Answers with the problem. After a head that was already sent only the connection can say so: it is cut,
 * never ended as if the answer were whole.
 */
export function sendProblem(response: ServerResponse, problem: Problem, rid: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const body = Buffer.from(problemText(problem, rid))
  if (!response.req.complete) lastOfConnection(response)
  response.writeHead(problem.status, { ...problemHeaders(problem, rid, body.length), ...askedOfGit(response, problem) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** A whole answer as text, for a socket whose request never became one (parse errors, CONNECT); with `more` headers. */
export function rawProblem(problem: Problem, rid: string, more: Readonly<Record<string, string>> = {}): string {
  const body = problemText(problem, rid)
  const own = problemHeaders(problem, rid, Buffer.byteLength(body))
  const headers = Object.entries({ ...own, ...more, connection: 'close' })
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return `HTTP/1.1 ${problem.status} ${REASONS[problem.status] ?? 'Bad Request'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Of answers to what never became a request. Not node:http's own table: see listen.ts. */
const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
