import type { CallId, CredentialId } from '../../ground/ids.ts'
import { type Origin, parseOrigin } from '../../ground/origin.ts'
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
  const url = URL.parse(endpoint)
  if (url === null) throw invalid(texts.endpoint)
  const { origin, path } = splitEndpoint(endpoint)
  const { protocol, hostname: host } = url
  if (protocol !== 'https:' && !(protocol === 'http:' && needs.allowPlainHttp)) throw invalid(texts.https)
  const label = readLabel(scope)
  if (label === undefined) throw invalid(texts.scope)
  return { principal, skillId, provider, handle, label, method, target: canonicalTarget(path), origin, host }
}

/** An origin that is on no service: what cannot be read as one is refused, and recorded, like a foreign one. */
const unreadable: Origin = Object.freeze({ scheme: 'https', host: '', port: 0, wildcard: false, href: '(unreadable)' })

/** Split without being parsed, so that the path stays as it was written; what no URL may hold as it is, is encoded. */
function splitEndpoint(endpoint: string): { origin: Origin; path: string } {
  const [, front = '', rest = ''] = /^(https?:\/\/[^/?#]*)([^#]*)/i.exec(endpoint) ?? []
  const path = rest.startsWith('/') ? rest : `/${rest}`
  try {
    return { origin: originOf(front), path: path.replace(/[^\x21-\x7e]+/g, encodeURIComponent) }
  } catch {
    return { origin: unreadable, path: '/' }
  }
}

/** Origins that were read lately: a skill calls the same few again and again. */
const read = new Map<string, Origin>()
const MOST_READ = 1_024

/** Throws Problem `origin_invalid`. */
function originOf(text: string): Origin {
  const known = read.get(text)
  if (known !== undefined) return known
  const origin = parseOrigin(text, { anyPort: true })
  if (read.size >= MOST_READ) read.clear()
  read.set(text, origin)
  return origin
}

/** Text goes out as it is, anything else as JSON. */
function bodyOf(body: JsonValue | undefined): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Names that the caller may not choose; the gate leaves out whatever stands where the credential goes. */
const DROPPED: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization'])

/** Throws Problem `clauth_invalid`. */
function headersOf(given: JsonValue | undefined, body: Buffer | undefined): string[] {
  const headers = new Map<string, string>()
  if (given !== undefined && given !== null) {
    if (typeof given !== 'object' || Array.isArray(given)) throw invalid('headers must be an object of strings')
    for (const [name, value] of Object.entries(given)) {
      if (typeof value !== 'string') throw invalid('headers must be an object of strings')
      if (!DROPPED.has(name.toLowerCase())) headers.set(name.toLowerCase(), value)
    }
  }
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  // As the original's client did: some providers refuse whoever does not say what it is.
  if (!headers.has('user-agent')) headers.set('user-agent', 'claviger')
  if (!headers.has('accept')) headers.set('accept', '*/*')
  return [...headers].flat()
}
