// Refusals in BotMaker's words (botmaker.md §1). What the contract has no words for is said by the problem's title.
import type { ServerResponse } from 'node:http'
import type { Problem } from '../../ground/problem.ts'
import { lastOfConnection } from '../../http/last-of-connection.ts'
import type { PlainReply } from '../../http/plain-routes.ts'
import { retryAfterOf } from '../../http/retry-after.ts'
import { proxyStatus } from '../../http/send-problem.ts'

const VENDOR = 'Not allowed: vendor'
const PATH = 'Not allowed: path'
const TOKEN = 'Invalid bot token'

/** Status and text, by the code. */
const worded: Readonly<Record<string, readonly [status: number, text: string]>> = {
  unauthenticated: [403, TOKEN],
  caller_refused: [403, TOKEN],
  wrong_audience: [403, TOKEN],
  agent_not_active: [403, TOKEN],
  token_not_live: [403, TOKEN],
  token_used_up: [403, TOKEN],
  llm_token_refused: [403, TOKEN],
  llm_token_missing: [401, 'Missing authorization'],
  llm_tags_unreadable: [500, 'Invalid bot tags configuration'],
  service_not_granted: [403, VENDOR],
  grant_not_live: [403, VENDOR],
  target_not_allowed: [403, PATH],
  scope_not_granted: [403, PATH],
  scope_not_in_token: [403, PATH],
  rule_denies: [403, 'Not allowed: rule'],
  llm_budget_exceeded: [429, 'Budget exceeded'],
}

/** The vendor is in the words where no key of it is there. */
export function wording(problem: Problem, rid: string): PlainReply {
  const { code, facts } = problem
  const more = { code, requestId: rid }
  const headers = headersOf(problem, rid)
  if (code === 'body_too_large') return { status: 413, headers, body: { ...TOO_LARGE, requestId: rid } }
  if (code === 'llm_flood') return { status: 429, headers, body: { ...TOO_MANY, requestId: rid } }
  if (code === 'llm_vendor_unknown')
    return { status: 400, headers, body: { error: `Unknown vendor: ${facts.vendor}`, ...more } }
  if (code === 'llm_no_key' || code.startsWith('credential_')) {
    return { status: 503, headers, body: { error: `No API keys available for vendor: ${facts.vendor ?? ''}`, ...more } }
  }
  if (code === 'llm_not_allowed')
    return { status: 403, headers, body: { error: `Not allowed: ${facts.what}`, ...more } }
  if (code === 'approval_required') {
    return { status: 403, headers, body: { error: `Approval required: ${facts.approval}`, ...more } }
  }
  if (isUpstreams(code))
    return { status: 502, headers, body: { error: `Upstream error: ${reasonOf(problem)}`, ...more } }
  const [status, error] = worded[code] ?? [problem.status, problem.title]
  return { status, headers, body: { error, ...more } }
}

const TOO_LARGE = {
  statusCode: 413,
  code: 'FST_ERR_CTP_BODY_TOO_LARGE',
  error: 'Payload Too Large',
  message: 'Request body is too large',
}
const TOO_MANY = {
  statusCode: 429,
  error: 'Too Many Requests',
  message: 'Rate limit exceeded, retry in 1 minute',
}

function isUpstreams(code: string): boolean {
  return code.startsWith('upstream_') || code === 'address_refused' || code === 'service_resting'
}

function reasonOf({ title, detail }: Problem): string {
  return detail === undefined ? title : `${title}. ${detail}`
}

/** Answers of our own can be told from the vendor's. */
function headersOf(problem: Problem, rid: string): Record<string, string> {
  const retry = retryAfterOf(problem)
  return {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'proxy-status': proxyStatus(problem),
    'claviger-request-id': rid,
    ...(retry !== undefined && { 'retry-after': retry }),
  }
}

/** After a head that was sent only the connection can say that something went wrong. */
export function sendReply(response: ServerResponse, { status, headers, body }: PlainReply): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const bytes = Buffer.from(JSON.stringify(body))
  if (!response.req.complete) lastOfConnection(response)
  response.writeHead(status, { 'content-type': 'application/json', ...headers, 'content-length': String(bytes.length) })
  response.end(response.req.method === 'HEAD' ? undefined : bytes)
}
