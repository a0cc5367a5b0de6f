import { Problem } from '../ground/problem.ts'
import { CONNECT_TIMEOUT } from '../http/connect.ts'
import { httpProblem } from '../http/problems.ts'
import type { CallEnd } from './breaker.ts'
import { proxyProblem } from './problems.ts'

const TLS_CODE = /^(?:ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|CRL_|INVALID_CA|EPROTO)/
const MISUSE_CODE = /^(?:UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED|ERR_INVALID_)/

/** The code of the error of a request that the service surely did not look at. */
export const UNPROCESSED = 'CLAVIGER_UNPROCESSED'

/**
 * What a failure of the way to the service means to the caller. `started` says whether the request had a connection.
 * The detail is the error's code alone: messages may quote what passed.
 */
export function upstreamProblem(error: unknown, started: boolean): Problem {
  if (error instanceof Problem) return error
  const code = (error as { code?: unknown } | undefined)?.code
  const name = typeof code === 'string' && /^[A-Z0-9_]{1,48}$/.test(code) ? code : 'unknown'
  const options = { detail: `Reason: ${name}.`, cause: error }
  if (name === CONNECT_TIMEOUT) return proxyProblem('upstream_connect_timeout', { cause: error })
  if (name === UNPROCESSED) return proxyProblem('upstream_unprocessed', { cause: error })
  if (TLS_CODE.test(name)) return proxyProblem('upstream_tls', options)
  if (MISUSE_CODE.test(name)) return httpProblem('internal_error', { cause: error })
  if (!started) return proxyProblem('upstream_unreachable', options)
  return proxyProblem('upstream_broke', options)
}

/** What a problem on the way says about the service: refusals of ours, and calls that were ended, say nothing. */
export function endOf(problem: Problem): CallEnd {
  return problem.code.startsWith('upstream_') ? 'failed' : 'neutral'
}
