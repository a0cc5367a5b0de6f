import type { IncomingMessage } from 'node:http'
import { headerOf } from '../../http/header-of.ts'
import { identityProblem } from '../../identity/contract.ts'
import { llmProblem } from '../../llm/contract.ts'
import { boundOf, noteBound } from '../../proxy/bound-caller.ts'
import type { CallingAgent } from '../../proxy/carry-out.ts'
import type { DataNeeds } from './needs.ts'

/** Google's own clients send their key so. */
const KEY = 'key'
const OURS = /^(?:clv_|eyJ)/
const BEARER = /^Bearer +([^\s]+)$/i

/** Path and query of a call, without the vendor; and the token that stood in the query. */
export interface Asked {
  readonly target: string
  readonly queryToken: string | undefined
}

/** Takes `key=` out of the query, where the vendor is one whose clients put it there. */
export function withoutKey(target: string, isGoogle: boolean): Asked {
  const at = target.indexOf('?')
  if (!isGoogle || at < 0) return { target, queryToken: undefined }
  const pieces = target.slice(at + 1).split('&')
  const isKey = (piece: string) => piece === KEY || piece.startsWith(`${KEY}=`)
  const kept = pieces.filter((piece) => !isKey(piece))
  if (kept.length === pieces.length) return { target, queryToken: undefined }
  const queryToken = decoded(pieces.find(isKey) as string)
  return { target: kept.length === 0 ? target.slice(0, at) : `${target.slice(0, at)}?${kept.join('&')}`, queryToken }
}

function decoded(piece: string): string {
  try {
    return decodeURIComponent(piece.slice(KEY.length + 1))
  } catch {
    return ''
  }
}

/**
 * The agent that calls: by the first of Authorization, `x-api-key`, `x-goog-api-key` and Google's `key=`. Throws Problem
 * `llm_token_missing`, `llm_token_refused`, `token_elsewhere`, and for tokens of the gateway's own what those are refused with.
 */
export function whoAsks(needs: DataNeeds, request: IncomingMessage, queryToken: string | undefined): CallingAgent {
  const { rawHeaders } = request
  const bearer = BEARER.exec(headerOf(rawHeaders, 'authorization')?.trim() ?? '')?.[1]
  const inHeader = bearer ?? (keyOf(rawHeaders, 'x-api-key') || keyOf(rawHeaders, 'x-goog-api-key'))
  const shown = inHeader || queryToken
  if (shown === undefined || shown === '') {
    // The address may name the caller: /a/<token>/…, or a listener that is one agent's own.
    if (boundOf(request) !== undefined) return standing(needs, needs.callingAgent(request))
    throw llmProblem('llm_token_missing')
  }
  if (OURS.test(shown)) {
    if (shown === queryToken) noteBound(request, { token: shown })
    return standing(needs, needs.callingAgent(request))
  }
  const principal = needs.tokens.recognise(shown)
  if (principal === undefined) {
    needs.noteUnknown()
    throw llmProblem('llm_token_refused')
  }
  // In the query too: what comes by a token's own socket is that token.
  if (needs.clientOf(request).socketOf !== undefined) {
    needs.noteDenied(needs.nextRid(), principal, 'token_elsewhere')
    throw identityProblem('token_elsewhere')
  }
  return standing(needs, { principal, presented: shown })
}

/** What does not stand is refused before its body is read. */
function standing(needs: DataNeeds, caller: CallingAgent): CallingAgent {
  const { agent, token } = caller.principal
  const live = agent.status === 'active' && token.status === 'active' && needs.now() < token.expiresAt
  if (!live) throw llmProblem('llm_token_refused')
  return caller
}

const keyOf = (rawHeaders: readonly string[], name: string) => headerOf(rawHeaders, name)?.trim()
