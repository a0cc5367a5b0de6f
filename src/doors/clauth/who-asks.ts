import type { AgentPrincipal } from '../../gate/rooms.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked } from '../../http/plain-routes.ts'
import { SKILL_TOKEN_HEADER, texts, unauthorized } from './contract.ts'
import type { ClauthNeeds } from './needs.ts'
import { skillIdOf } from './skill-name.ts'

export interface Caller {
  readonly skillId: string
  readonly principal: AgentPrincipal
  /** What was shown: no copy of it goes on to the provider. */
  readonly presented: string
}

const BEARER = /^Bearer +([^\s]+)$/i

/**
 * The skill that asks: by its session, or by its token; `stated` is what the request says of it, trimmed. Throws Problem
 * `clauth_unauthorized`, `vault_sealed`.
 */
export function whoAsks(needs: ClauthNeeds, { request }: Pick<PlainAsked, 'request'>, stated?: string): Caller {
  const { rawHeaders } = request
  const bearer = BEARER.exec(headerOf(rawHeaders, 'authorization')?.trim() ?? '')?.[1]
  const session = bearer === undefined ? undefined : needs.sessions.verify(bearer)
  if (session !== undefined && bearer !== undefined && (stated === undefined || session.subject === stated)) {
    return { skillId: session.subject, principal: session.principal, presented: bearer }
  }
  const presented = headerOf(rawHeaders, SKILL_TOKEN_HEADER)?.trim() ?? ''
  if (presented === '') throw refused(needs, texts.missingToken)
  const principal = needs.tokens.recognise(presented)
  const live = principal?.agent.status === 'active' && principal.token.status === 'active'
  if (principal === undefined || !live) throw refused(needs, texts.invalidToken)
  const skillId = skillIdOf(principal.agent)
  if (stated !== undefined && stated !== skillId) throw refused(needs, texts.invalidToken)
  return { skillId, principal, presented }
}

function refused(needs: ClauthNeeds, text: string) {
  needs.noteUnknown()
  return unauthorized(text)
}
