/**
 * The facts of an action: every field of it, whatever it holds. Two actions that differ in anything show other facts;
 * a credential among the headers is hidden, and the digest still tells it from another.
 */
import { parse as parseDomain } from 'tldts'
import { comparableName, isCredentialHeader } from '../../ground/header-names.ts'
import { looksLikeCredential } from '../../ground/looks-like-credential.ts'
import { Problem } from '../../ground/problem.ts'
import { type JsonValue, parseStrictJson } from '../../ground/strict-json.ts'
import { type Action, type AskingRule, actionDigest, type CallAction, type WindowAction } from '../action.ts'
import { lasts } from './allows.ts'
import { decoded, type FormPair, readForm } from './body/read-form.ts'
import { fact, factsOf, isSecretName, namedValue, plainFact } from './fact.ts'
import { placeOf } from './host-warnings.ts'
import type { Fact, Warn } from './shown.ts'
import { counted, hidden, visible, visibleLine } from './visible.ts'

/** Why it is asked about, of the moment: not part of what is approved. */
export interface Standing {
  readonly trust?: string | undefined
  /** What the guard noticed, in its words. */
  readonly findings?: readonly string[] | undefined
  /** Why a human is asked. */
  readonly reasons: readonly string[]
  /** Of a window: what was done lately of what it would allow. */
  readonly lately?: string | undefined
}

/** What decides comes first: what a caller can make long comes after it, so that it pushes nothing out of a short text. */
export function factsOfAction(action: Action, standing: Standing, warn: Warn): Fact[] {
  const { terms } = action
  return factsOf(
    whatFacts(action),
    plainFact('agent', `${action.agent.name} (${action.agent.id})`),
    standing.lately !== undefined && plainFact('lately', standing.lately),
    standing.trust !== undefined && plainFact('trust', standing.trust),
    action.kind !== 'stated' &&
      plainFact('service', `${action.service.name} (${action.service.id}, definition ${action.service.version})`),
    plainFact('risk', action.risk),
    action.kind !== 'stated' && rulesOf(action.rules),
    standing.reasons.map((reason) => fact('stopped because', reason)),
    (standing.findings ?? []).map((finding) => fact('finding', finding)),
    plainFact('answer wanted', terms.assurance),
    terms.notBy !== undefined && plainFact('may not be approved by', terms.notBy),
    plainFact('life', lasts(terms.lifeSeconds)),
    terms.goodSeconds !== undefined && plainFact('a yes is good for', lasts(terms.goodSeconds)),
    plainFact('uses', String(terms.uses)),
    plainFact('digest', digestOf(action, warn)),
    plainFact('installation', action.install),
    longFacts(action),
  )
}

function digestOf(action: Action, warn: Warn): string {
  try {
    return actionDigest(action)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    warn('This action has no canonical form: nothing can be approved of it.')
    return 'none'
  }
}

function whatFacts(action: Action): Fact[] {
  switch (action.kind) {
    case 'call':
      return callFacts(action)
    case 'stated':
      return [
        fact('action', action.action),
        plainFact('payload hash', action.payloadHash),
        plainFact('request', action.request),
      ]
    case 'window':
      return windowFacts(action)
  }
}

function callFacts(action: CallAction): Fact[] {
  const { host } = placeOf(action.origin)
  const domain = parseDomain(host).domain
  const path = decoded(action.path.replaceAll('+', '%2B'))
  return factsOf(
    plainFact('method', action.method),
    plainFact('host', action.origin),
    domain !== null && domain !== host && plainFact('belongs to', domain),
    fact('path', action.path),
    path !== undefined && path !== action.path && fact('path, decoded', path),
    action.action !== undefined && plainFact('action', action.action),
    credentialFact(action.credential),
    action.body === undefined
      ? plainFact('body', 'none')
      : plainFact('body', `${counted(action.body.bytes)} bytes, SHA-256 ${action.body.sha256}`),
  )
}

function windowFacts({ action, path, method, origin, credential, terms, first }: WindowAction): Fact[] {
  return factsOf(
    plainFact('calls', String(terms.uses)),
    plainFact('for', lasts(terms.lifeSeconds)),
    action !== undefined && plainFact('action', action),
    plainFact('method', method),
    plainFact('host', origin),
    path !== undefined && fact('path', path),
    credentialFact(credential),
    plainFact('first call', first),
  )
}

function credentialFact(credential: CallAction['credential']): Fact {
  return plainFact('credential', credential === undefined ? 'none' : `${credential.handle} (${credential.id})`)
}

function longFacts(action: Action): Fact[] {
  switch (action.kind) {
    case 'call':
      return [...queryFacts(action.query), ...action.headers.map(([name, value]) => headerFact(name, value))]
    case 'stated':
      return contextFacts(action.context)
    case 'window':
      return []
  }
}

/** Each pair decoded, then all of it as it is sent, with the values hidden that may be credentials. */
function queryFacts(query: string): Fact[] {
  if (query === '') return []
  const pairs = queryOf(query)
  const shown = pairs.slice(0, MAX_PAIRS).map(({ name, value }) => ({
    name: 'query',
    value: `${looksLikeCredential(name) ? hidden(name) : visibleLine(name, 300)} = ${mayBeSecret(name, value) ? hidden(value) : namedValue(name, value, 2_000)}`,
    kind: 'text' as const,
  }))
  const more = pairs.length - shown.length
  if (more > 0) shown.push({ name: 'query', value: `… ${counted(more)} more`, kind: 'text' })
  if (pairs.some(({ name, value }) => mayBeSecret(name, value))) return shown
  return [...shown, fact('query, as sent', query)]
}

const MAX_PAIRS = 100

function mayBeSecret(name: string, value: string): boolean {
  return value !== '' && (isSecretName(name) || looksLikeCredential(value) || looksLikeCredential(name))
}

export function queryOf(query: string): readonly FormPair[] {
  return readForm(query, () => undefined).pairs
}

function headerFact(name: string, value: string): Fact {
  const isSecret = isCredentialHeader(comparableName(name)) || (looksLikeCredential(value) && !WORDED.has(name))
  return isSecret
    ? { name: 'header', value: `${visible(name)}: ${hidden(value)}`, kind: 'text' }
    : fact('header', `${name}: ${value}`)
}

/** Headers of standard words, which are long and mixed enough at times to look like something else. */
const WORDED = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-encoding',
  'content-type',
  'user-agent',
])

function rulesOf(rules: readonly AskingRule[]): Fact[] {
  return rules.map(({ id, name, version }) => plainFact('rule', `${name} (${id}, version ${version})`))
}

/** What an agent says its action is made of, leaf by leaf. */
function contextFacts(context: string): Fact[] {
  let value: JsonValue
  try {
    value = parseStrictJson(Buffer.from(context))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return [fact('context', context)]
  }
  const facts: Fact[] = []
  let more = 0
  const walk = (one: JsonValue, path: string): void => {
    const members = typeof one === 'object' && one !== null ? Object.entries(one) : []
    for (const [name, member] of members) walk(member, path === '' ? name : `${path}.${name}`)
    if (members.length > 0) return
    if (facts.length === MAX_LEAVES) more++
    else facts.push(leafFact(path, typeof one === 'string' ? one : JSON.stringify(one)))
  }
  walk(value, '')
  return more === 0 ? facts : [...facts, plainFact('context', `… ${counted(more)} more: see the whole below`)]
}

const MAX_LEAVES = 100

function leafFact(path: string, value: string): Fact {
  // Items of a list go by the name of the list.
  const name = path.split('.').findLast((part) => !/^[0-9]+$/.test(part)) ?? ''
  return { name: visibleLine(path, 300), value: namedValue(name, value, 2_000), kind: 'text' }
}
