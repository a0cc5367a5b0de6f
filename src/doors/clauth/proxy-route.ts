import type { CallId, CredentialId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { JsonValue } from '../../ground/strict-json.ts'
import { canonicalTarget } from '../../ground/target.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { readLabel } from '../../policy/label.ts'
import { type AskedBody, askedBody, textIn } from './asked-body.ts'
import { invalid, MAX_BODY_BYTES, PARSE_HEADER, texts, unauthorized } from './contract.ts'
import type { AskedCall, ClauthNeeds } from './needs.ts'
import { providerAnswer } from './provider-answer.ts'
import { readEndpoint } from './read-endpoint.ts'
import { inRows } from './rows.ts'
import { type Caller, whoAsks } from './who-asks.ts'

/** `POST /clauth/v1/proxy`, with the rows of clauth.md §2.2 in their order: what is wrong first is what is said. */
export function proxyRoute(needs: ClauthNeeds): PlainRoute {
  return {
    method: 'POST',
    path: '/clauth/v1/proxy',
    maxBody: MAX_BODY_BYTES,
    handle: async (asked) => {
      const body = await askedBody(asked)
      const stated = textIn(body, 'skillId')
      if (stated === '') throw unauthorized(texts.blankSkill)
      const caller = whoAsks(needs, asked, stated)
      return carry(needs, asked, caller, body, readCall(needs, caller, body))
    },
  }
}

async function carry(
  needs: ClauthNeeds,
  { request, response, rid }: PlainAsked,
  { principal, presented }: Caller,
  body: AskedBody,
  call: AskedCall,
): Promise<PlainReply> {
  const sent = bodyOf(body.body)
  const { provider: serviceName, method, target, origin, label } = call
  const credential = needs.credentialOf(call.handle) as CredentialId
  const collected = {
    ...{ rid: rid as CallId, principal, presented, serviceName, method, target, origin },
    rawHeaders: headersOf(body.headers, sent),
    body: sent,
    only: { label, credential },
  }
  try {
    const answer = await needs.collect(collected, response)
    const parseMore = headerOf(request.rawHeaders, PARSE_HEADER) === '1'
    return providerAnswer(answer, { method, parseMore, credential })
  } catch (error) {
    throw error instanceof Problem ? inRows(error, call, needs) : error
  }
}

/** Rows 3 to 6. Throws Problem `clauth_invalid`, `target_ambiguous` and its like. */
function readCall(needs: ClauthNeeds, { principal, skillId }: Caller, body: AskedBody): AskedCall {
  const wanted = (name: string) => {
    const value = Object.hasOwn(body, name) ? body[name] : undefined
    const text = typeof value === 'string' ? value.trim() : ''
    if (text === '') throw invalid(texts.missingFields)
    return text
  }
  const [provider, handle, scope] = [wanted('provider').toLowerCase(), wanted('credentialHandle'), wanted('scope')]
  const [endpoint, method] = [wanted('endpoint'), wanted('method').toUpperCase()]
  const at = readEndpoint(endpoint)
  if (at === undefined) throw invalid(texts.endpoint)
  const { protocol, origin, host } = at
  if (protocol !== 'https:' && !(protocol === 'http:' && needs.allowPlainHttp)) throw invalid(texts.https)
  const label = readLabel(scope)
  if (label === undefined) throw invalid(texts.scope)
  return { principal, skillId, provider, handle, label, method, target: canonicalTarget(at.path), origin, host }
}

/** Text goes out as it is, anything else as JSON. */
function bodyOf(body: JsonValue | undefined): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Names that the caller may not choose; the gate leaves out whatever stands where the credential goes. */
const DROPPED: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization'])

/** Names and values by turns. Throws Problem `clauth_invalid`. */
function headersOf(given: JsonValue | undefined, body: Buffer | undefined): string[] {
  const named = lowered(given)
  const headers: string[] = []
  for (const [name, value] of named) headers.push(name, value)
  if (body !== undefined && !named.has('content-type')) headers.push('content-type', 'application/json')
  // As the original's client did: some providers refuse whoever does not say what it is.
  if (!named.has('user-agent')) headers.push('user-agent', 'claviger')
  if (!named.has('accept')) headers.push('accept', '*/*')
  return headers
}

/** By their names in lower case, of which the last counts. */
function lowered(given: JsonValue | undefined): Map<string, string> {
  const named = new Map<string, string>()
  if (given === undefined || given === null) return named
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid('headers must be an object of strings')
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw invalid('headers must be an object of strings')
    const lower = name.toLowerCase()
    if (!DROPPED.has(lower)) named.set(lower, value)
  }
  return named
}
